// swift-tools-version:6.0
import Foundation
import PackageDescription

// The libtorch to build against. Unset: Debian's libtorch-dev (1.13, C++17), which needs no flag that SwiftPM refuses in
// a package that others depend upon by version.
// LIBTORCH=/path/to/site-packages/torch: PyPI's torch 2.x, CPU or CUDA (C++20), for this checkout alone.
let libtorch = ProcessInfo.processInfo.environment["LIBTORCH"].flatMap { $0.isEmpty ? nil : $0 }
let torchCxxSettings: [CXXSetting] = libtorch.map { [.unsafeFlags(["-isystem", "\($0)/include"])] } ?? []
let torchLinkFlags: [String] =
    libtorch.map { torch in
        let hasCUDA = FileManager.default.fileExists(atPath: "\(torch)/lib/libtorch_cuda.so")
        return ["-L\(torch)/lib", "-Xlinker", "-rpath", "-Xlinker", "\(torch)/lib"]
            + (hasCUDA ? ["-Xlinker", "--no-as-needed", "-ltorch_cuda", "-lc10_cuda", "-Xlinker", "--as-needed"] : [])
    } ?? []
let torchLibraries: [LinkerSetting] =
    (torchLinkFlags.isEmpty ? [] : [.unsafeFlags(torchLinkFlags)])
    + [.linkedLibrary("torch"), .linkedLibrary("torch_cpu"), .linkedLibrary("c10")]

let strict: [SwiftSetting] = [.swiftLanguageMode(.v6)]

// What follows shortens builds of this checkout: without debug information, and without optimisation of modules that only
// arrange what others compute, where it takes most of the time and gains nothing that can be measured. SwiftPM
// refuses such flags in a package that others depend upon by version; there everything is optimised.
let isDependency = Context.packageDirectory.contains("/checkouts/")
let quick: [SwiftSetting] =
    isDependency ? strict : strict + [.unsafeFlags(["-gnone"], .when(configuration: .release))]
let arranging: [SwiftSetting] =
    isDependency
    ? strict
    : quick + [.unsafeFlags(["-Onone"], .when(configuration: .release))]

/// A Swift target of this package.
func module(
    _ name: String, _ dependencies: [Target.Dependency], resources: [Resource]? = nil,
    settings: [SwiftSetting] = quick
) -> Target {
    .target(name: name, dependencies: dependencies, resources: resources, swiftSettings: settings)
}

/// A target without loops over pixels, latents or bytes: those belong to the modules below it.
func arranging(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource]? = nil) -> Target {
    module(name, dependencies, resources: resources, settings: arranging)
}

let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

// In the order the data flows; a target may depend only on those above it.
let targets: [Target] = [
    .target(name: "CTorchShim", cxxSettings: torchCxxSettings, linkerSettings: torchLibraries),
    .target(name: "CTorch", exclude: ["functions.def"]),
    .target(name: "CSynthesis"),
    .target(name: "CRows"),
    .systemLibrary(name: "CCrypto", providers: [.apt(["libssl-dev"])]),
    .systemLibrary(name: "CLinearAlgebra", providers: [.apt(["libopenblas-dev", "liblapacke-dev"])]),
    .systemLibrary(
        name: "CImages", providers: [.apt(["libpng-dev", "libjpeg-dev", "libwebp-dev", "libheif-dev"])]),
    .systemLibrary(name: "CSQLite", providers: [.apt(["libsqlite3-dev"])]),
    .systemLibrary(name: "CYAML", providers: [.apt(["libyaml-dev"])]),
    .systemLibrary(name: "CZlib", providers: [.apt(["zlib1g-dev"])]),
    module("Core", ["CCrypto"]),
    module("Tensors", ["CTorch", "Core"]),
    module("Images", ["CImages", "Core"]),
    arranging("Weights", ["Core", "CZlib"]),
    module("Latents", ["Weights", "CSynthesis", "Core"]),
    arranging("Networks", ["Tensors", "Weights", "Core"], resources: [.copy("Resources")]),
    module(
        "Faces", ["Networks", "Tensors", "Weights", "Images", "Core"], resources: [.copy("Resources")]),
    arranging("Generators", ["Tensors", "Weights", "Images", "Latents", "CSynthesis", "Core"]),
    module(
        "Classifiers", ["Faces", "Networks", "Tensors", "Weights", "Images", "Core"],
        resources: [.copy("Resources")]),
    module(
        "Objectives",
        ["Classifiers", "Generators", "Faces", "Networks", "Tensors", "Images", "Latents", "Core"]),
    module("Colourisation", ["Images"]),
    module(
        "ColourNetworks", ["Colourisation", "Networks", "Tensors", "Weights", "Images", "Core"],
        resources: [.copy("Resources")]),
    module("ImageMetrics", ["CLinearAlgebra", "Networks", "Tensors", "Images", "Core"]),
    module(
        "ColourEvaluation",
        ["ImageMetrics", "Colourisation", "Objectives", "Networks", "Faces", "Images", "Core"]),
    arranging("LatentStore", ["CSQLite", "Core"]),
    module("Sampling", ["Generators", "LatentStore", "Core"]),
    arranging("Scoring", ["Classifiers", "Generators", "LatentStore", "Images", "Latents", "Core"]),
    module("Selection", ["LatentStore", "Core"]),
    module("Fitting", ["CRows", "CLinearAlgebra", "Core"]),
    module(
        "Inversion",
        [
            "Colourisation", "Objectives", "Classifiers", "Fitting", "Networks", "Faces", "Generators", "Latents",
            "Images", "Weights", "Tensors", "Core",
        ]),
    arranging("DirectionFiles", ["Weights", "Core"], resources: [.copy("Resources")]),
    module("Editing", ["DirectionFiles", "Images", "Latents", "Core"]),
    arranging(
        "Evaluation",
        [
            "Editing", "Fitting", "DirectionFiles", "Scoring", "Classifiers", "Faces", "Generators", "LatentStore",
            "Latents",
            "Images", "Core",
        ]),
    arranging(
        "DirectionFitting",
        [
            "Evaluation", "Editing", "DirectionFiles", "Inversion", "Fitting", "Objectives", "Classifiers",
            "Generators", "Faces", "Networks", "LatentStore", "Latents", "Images", "Core",
        ]),
    arranging("Reporting", []),
    arranging(
        "Reports",
        [
            "Reporting", "ColourEvaluation", "ImageMetrics", "Inversion", "Evaluation", "Editing", "DirectionFiles",
            "Classifiers",
            "Generators", "LatentStore",
            "Latents",
            "Images", "Core",
        ]),
    arranging("Pipelines", ["CYAML", "Core"]),
    module("Training", ["Classifiers", "Networks", "LatentStore", "Images", "Tensors", "Weights", "Core"]),
    arranging(
        "Encoders",
        [
            "Inversion", "Colourisation", "Fitting", "Generators", "Networks", "Latents", "Tensors", "Weights",
            "Images",
            "Core",
        ],
        resources: [.copy("Resources")]),
    module(
        "EncoderTraining",
        [
            "Encoders", "Inversion", "ColourNetworks", "Colourisation", "Objectives", "Faces", "Fitting", "Generators",
            "Networks", "Latents", "Tensors",
            "Weights", "Images", "Core",
        ]),
    arranging("Downloads", ["Core"]),
    arranging(
        "Directions",
        [
            "Classifiers", "ColourEvaluation", "ColourNetworks", "Colourisation", "Core", "DirectionFiles",
            "DirectionFitting",
            "Downloads", "Editing", "EncoderTraining", "Encoders", "Evaluation", "Faces", "Fitting", "Generators",
            "ImageMetrics", "Images", "Inversion", "LatentStore", "Latents", "Networks", "Objectives",
            "Pipelines", "Reporting", "Reports", "Sampling", "Scoring", "Selection", "Tensors", "Training", "Weights",
        ]),
    arranging(
        "CommandSupport",
        [
            argumentParser, "Directions", "Core", "Tensors", "Generators", "Classifiers", "DirectionFiles", "Faces",
            "LatentStore",
        ]),
    arranging("Serving", ["Directions", "Core"], resources: [.copy("Resources")]),
    arranging(
        "PhotographCommands",
        [argumentParser, "CommandSupport", "Directions", "Colourisation", "Weights", "Tensors", "Core"]),
    .executableTarget(
        name: "DirectionsCommand",
        dependencies: [
            argumentParser, "CommandSupport", "PhotographCommands", "Serving", "Directions", "Core", "Tensors",
            "Weights",
            "LatentStore", "DirectionFiles", "DirectionFitting", "Editing", "Evaluation", "Reports",
        ],
        swiftSettings: arranging),
]

/// Test targets: the modules each may reach.
let tests: [Target] = [
    .testTarget(
        name: "ClassifiersTests",
        dependencies: ["Classifiers", "Faces", "Networks", "Tensors", "Images", "Weights", "Core"],
        swiftSettings: arranging),
    .testTarget(
        name: "ExerciseTests",
        dependencies: [
            "Directions", "DirectionFitting", "Objectives", "Classifiers", "Faces", "Networks",
            "Generators", "Latents", "LatentStore", "Scoring", "Selection", "Fitting", "Images", "Weights", "Core",
        ], swiftSettings: quick),
    .testTarget(
        name: "SamplingTests",
        dependencies: ["Sampling", "Generators", "LatentStore", "Core"], swiftSettings: arranging),
    .testTarget(name: "LatentStoreTests", dependencies: ["LatentStore", "CSQLite", "Core"], swiftSettings: arranging),
    .testTarget(
        name: "NetworksTests", dependencies: ["Networks", "Tensors", "Weights", "Core"], swiftSettings: arranging),
    .testTarget(
        name: "FacesTests", dependencies: ["Objectives", "Faces", "Images", "Weights", "Core"], swiftSettings: arranging
    ),
    .testTarget(
        name: "ObjectivesTests", dependencies: ["Objectives", "Networks", "Images", "Weights", "Core"],
        swiftSettings: arranging),
    .testTarget(
        name: "InversionTests",
        dependencies: [
            "Inversion", "Fitting", "Networks", "Generators", "Latents", "Images", "Tensors", "Weights", "Core",
        ],
        swiftSettings: arranging),
    .testTarget(
        name: "EncodersTests",
        dependencies: [
            "EncoderTraining", "Encoders", "Inversion", "ColourNetworks", "Colourisation", "Fitting", "Generators",
            "Latents", "Networks", "Images", "Tensors", "Weights", "Core",
        ], swiftSettings: arranging),
    .testTarget(
        name: "ColourisationTests", dependencies: ["Colourisation", "Images"], swiftSettings: arranging),
    .testTarget(
        name: "ImageMetricsTests",
        dependencies: ["ImageMetrics", "Networks", "Tensors", "Images", "Weights", "Core"], swiftSettings: arranging),
    .testTarget(name: "TensorsTests", dependencies: ["Tensors", "Core"], swiftSettings: arranging),
    .testTarget(name: "CoreTests", dependencies: ["Core"], swiftSettings: arranging),
    .testTarget(name: "FittingTests", dependencies: ["Fitting", "Core"], swiftSettings: arranging),
    .testTarget(
        name: "DirectionFilesTests", dependencies: ["DirectionFiles", "Weights", "Core"], swiftSettings: arranging),
    .testTarget(
        name: "GeneratorsTests",
        dependencies: ["Editing", "Generators", "Latents", "Images", "Tensors", "Weights", "Core"],
        swiftSettings: arranging),
    .testTarget(name: "ImagesTests", dependencies: ["Images", "Core"], swiftSettings: arranging),
    .testTarget(
        name: "CommandTests",
        dependencies: [
            "Classifiers", "ColourNetworks", "Core", "DirectionFiles", "Images", "LatentStore", "Networks", "Weights",
            "DirectionsCommand",
        ],
        swiftSettings: arranging),
    .testTarget(name: "LatentsTests", dependencies: ["Latents", "Weights", "Core"], swiftSettings: arranging),
    .testTarget(name: "WeightsTests", dependencies: ["Weights", "Core"], swiftSettings: arranging),
    .testTarget(name: "PipelinesTests", dependencies: ["Pipelines", "Core"], swiftSettings: arranging),
    .testTarget(name: "ReportingTests", dependencies: ["Reporting"], swiftSettings: arranging),
    .testTarget(
        name: "EvaluationTests",
        dependencies: ["Evaluation", "Fitting", "Scoring", "Classifiers", "Generators", "Latents", "Core"],
        swiftSettings: arranging),
    .testTarget(
        name: "EditingTests", dependencies: ["Editing", "DirectionFiles", "Latents", "Images", "Core"],
        swiftSettings: arranging),
    .testTarget(
        name: "SynthesisTests", dependencies: ["Generators", "Latents", "Images", "Tensors", "Core"],
        swiftSettings: quick),
    .testTarget(name: "ServingTests", dependencies: ["Serving", "Directions", "Core"], swiftSettings: arranging),
    .testTarget(name: "BrowserTests", dependencies: ["Directions", "Core"], swiftSettings: arranging),
    .testTarget(name: "SelectionTests", dependencies: ["Selection", "LatentStore", "Core"], swiftSettings: arranging),
    .testTarget(name: "ScoringTests", dependencies: ["Scoring", "Core"], swiftSettings: arranging),
]

let package = Package(
    name: "directions",
    products: [
        .executable(name: "directions", targets: ["DirectionsCommand"]),
        .library(name: "Directions", targets: ["Directions"]),
        // Opened at run time, when a tensor is first needed.
        .library(name: "TorchShim", type: .dynamic, targets: ["CTorchShim"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2")
    ],
    targets: targets + tests,
    cLanguageStandard: .gnu11,
    cxxLanguageStandard: libtorch == nil ? .cxx17 : .cxx20
)
