"""Dependencies that are linked, but whose headers are not for the taking."""

def _link_only_impl(ctx):
    return [CcInfo(linking_context = cc_common.merge_cc_infos(
        cc_infos = [dep[CcInfo] for dep in ctx.attr.deps],
    ).linking_context)]

link_only = rule(
    implementation = _link_only_impl,
    doc = """What `deps` link, and nothing of what they add to compile commands.

A dependency in another repository adds include paths to whatever depends on
it, be it ever so indirectly. Where a `select` chooses it, those who compile the
same either way then share no cached result; through this rule they do.""",
    attrs = {"deps": attr.label_list(providers = [CcInfo])},
)
