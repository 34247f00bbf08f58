"""Fuzz targets: readers of files that strangers send."""

def fuzz_target(name, deps):
    """Declares a target whose source is NAME.cc.

    NAME_replay_test replays the corpus in //testdata/fuzz/NAME; NAME_fuzzer,
    which only clang builds, looks for more (tools/fuzz/run).

    Args:
      name: of the source and of the corpus.
      deps: what the source includes, but fuzz_target.h.
    """
    native.cc_library(
        name = name,
        testonly = True,
        srcs = [name + ".cc"],
        deps = deps + [
            ":fuzz_target",
            "@absl//:status",
            "@absl//:strings",
        ],
    )
    native.cc_test(
        name = name + "_replay_test",
        size = "medium",
        srcs = ["replay.cc"],
        args = ["$(locations //testdata:fuzz/%s)" % name],
        data = ["//testdata:fuzz/" + name],
        deps = [
            ":fuzz_target",
            name,
            "//dg4d/base:files",
        ],
    )
    native.cc_binary(
        name = name + "_fuzzer",
        testonly = True,
        srcs = ["libfuzzer.cc"],
        linkopts = ["-fsanitize=fuzzer"],
        tags = ["manual"],
        deps = [
            ":fuzz_target",
            name,
        ],
    )
