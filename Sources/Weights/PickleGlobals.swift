/// Which names a pickle may mention.
///
/// Nothing is ever called, whatever its name. But a file that asks for `os.system` is no file of weights, and a person should be told
/// before another program opens it; a file that has a path, a date or a class of its author's beside the weights is harmless.
enum PickleGlobals {
    /// Whether a name stands for something that acts when Python loads the file, rather than for data.
    static func isProgram(module: String, member: String) -> Bool {
        let name = "\(module).\(member)"
        if harmless.contains(name) { return false }
        let root = module.prefix { $0 != "." }
        if actingModules.contains(String(root)) { return true }
        if actingPrefixes.contains(where: { name.hasPrefix($0) }) { return true }
        // A qualified name may lead from one module to another (`torch.serialization`, `os.system`).
        let parts = member.split(separator: ".").map(String.init)
        return parts.contains { actingModules.contains($0) || actingNames.contains($0) }
    }

    /// Names of acting modules that are plain types.
    private static let harmless: Set<String> = Set(
        ["builtins", "__builtin__"].flatMap { module in
            [
                "set", "frozenset", "bytearray", "bytes", "complex", "slice", "range", "xrange", "object", "dict",
                "list",
                "tuple", "int", "float", "bool", "str", "long", "unicode", "type", "Ellipsis", "NotImplemented",
            ].map { "\(module).\($0)" }
        } + ["types.SimpleNamespace", "io.BytesIO", "_io.BytesIO", "pathlib.Path", "torch.serialization._get_layout"]
            // Lists with the type of their elements, as TorchScript writes them.
            + ["intlist", "doublelist", "boollist", "tensorlist"].map { "torch.jit._pickle.build_\($0)" }
            + ["torch.jit._pickle.restore_type_tag"])

    /// Modules of Python, and tools around it, that start programs, reach files or the network, or make code.
    private static let actingModules: Set<String> = [
        "os", "posix", "nt", "posixpath", "ntpath", "sys", "subprocess", "builtins", "__builtin__", "__builtins__",
        "importlib", "imp", "runpy", "pkgutil", "zipimport", "shutil", "socket", "_socket", "ssl", "socketserver",
        "pty",
        "pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "ctypes", "_ctypes",
        "cffi", "code", "codeop", "commands", "webbrowser", "pip", "setuptools", "distutils", "ensurepip", "venv",
        "pdb", "bdb", "doctest", "timeit", "cProfile", "profile", "trace", "multiprocessing", "threading", "_thread",
        "concurrent", "asyncio", "signal", "platform", "tempfile", "glob", "fileinput", "io", "_io", "http", "urllib",
        "urllib2", "httplib", "requests", "aiohttp", "httpx", "ftplib", "smtplib", "telnetlib", "xmlrpc", "nntplib",
        "imaplib", "poplib", "site", "sysconfig", "gc", "inspect", "types", "linecache", "py_compile", "compileall",
        "popen2", "sqlite3", "mmap", "resource", "readline", "rlcompleter", "idlelib", "lib2to3", "antigravity",
    ]

    private static let actingPrefixes = [
        "torch.load", "torch.save", "torch.hub", "torch.jit", "torch.serialization", "torch.package", "torch.fx",
        "torch.ops", "torch.classes", "torch.utils.cpp_extension", "torch.utils.model_zoo", "torch.utils.collect_env",
        "torch.distributed.rpc", "torch.multiprocessing", "torch._dynamo", "torch._inductor", "torch.from_file",
        "torch.storage._load_from_bytes", "numpy.load", "numpy.save", "numpy.fromfile", "numpy.fromregex",
        "numpy.genfromtxt", "numpy.memmap", "numpy.DataSource", "numpy.testing", "numpy.f2py", "numpy.distutils",
        "numpy.ctypeslib", "numpy.lib.npyio", "numpy.core.multiarray.fromfile", "numpy._core.multiarray.fromfile",
        "torch_utils.persistence._src_to_module", "torch_utils.custom_ops", "dnnlib.util.open_url",
        "operator.attrgetter",
        "operator.methodcaller", "_operator.attrgetter", "_operator.methodcaller", "functools.reduce",
    ]

    /// Functions that act wherever they come from.
    private static let actingNames: Set<String> = [
        "eval", "exec", "execfile", "compile", "open", "system", "popen", "Popen", "__import__", "import_module",
        "getattr", "setattr", "delattr", "globals", "locals", "vars", "breakpoint", "open_url",
        "fromfile", "runstring", "exec_module", "load_module", "run_module", "run_path", "check_output", "check_call",
        "__reduce__", "__reduce_ex__", "__class__", "__subclasses__", "__globals__", "__dict__", "__getattribute__",
    ]
}
