"""Files that programs carry with them."""

def embedded_files(name, srcs, function, header, namespace = "dg4d", extension = ""):
    """The source of a function that returns files' texts by their names.

    Args:
      name: the source is <name>.cc.
      srcs: the files, of distinct names.
      function: `const std::map<std::string, std::string>& <function>()`.
      header: path of the header that declares it.
      namespace: in which it does.
      extension: taken from the names.
    """
    native.genrule(
        name = name,
        srcs = srcs,
        outs = [name + ".cc"],
        cmd = """
          {{
            echo '#include "{header}"'
            echo 'namespace {namespace} {{'
            echo 'const std::map<std::string, std::string>& {function}() {{'
            echo '  static const auto& files ='
            echo '      *new std::map<std::string, std::string>{{'
            for file in $(SRCS); do
              printf '{{"%s", R"file(' "$$(basename "$$file" "{extension}")"
              cat "$$file"
              echo ')file"}},'
            done
            echo '}};'
            echo '  return files;'
            echo '}}'
            echo '}}  // namespace {namespace}'
          }} > $@
        """.format(
            extension = extension,
            function = function,
            header = header,
            namespace = namespace,
        ),
    )
