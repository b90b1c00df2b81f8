// swift-tools-version:6.0
import PackageDescription

// A package of its own, as somebody else's would be: it knows the `Directions` library and nothing else.
let package = Package(
    name: "examples",
    dependencies: [.package(name: "directions", path: "..")],
    targets: [
        .executableTarget(
            name: "edit-face", dependencies: [.product(name: "Directions", package: "directions")],
            swiftSettings: [.swiftLanguageMode(.v6)])
    ]
)
