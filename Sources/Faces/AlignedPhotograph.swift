import Core
import Foundation
import Images

/// A face cut out of a photograph, and the way back.
public struct AlignedPhotograph: Sendable, Codable, Equatable {
    /// Pixels of the photograph.
    public var width: Int
    public var height: Int
    /// Which face it is, from 1, the largest first.
    public var face: Int
    /// How many faces the photograph has.
    public var faces: Int
    /// How sure the detector is, 0 to 1.
    public var score: Double
    /// Where the face's parts are, in the photograph's pixels.
    public var landmarks: FaceLandmarks
    /// Where the square lies.
    public var square: PictureSquare

    /// Pixels between the eyes below which a face is too small for detail.
    public static let smallEyeDistance = 40.0

    /// Whether the face is so small that its code can only be guessed.
    public var isSmall: Bool { landmarks.eyeDistance < AlignedPhotograph.smallEyeDistance }

    /// The faces of a photograph, the largest first.
    ///
    /// - Parameters:
    ///   - photograph: Of any size.
    ///   - detector: Finds them.
    /// - Returns: One for each face; none where there is none.
    /// - Throws: ``Core/Failure`` with libtorch's reason.
    public static func all(in photograph: Image, detector: FaceDetector) throws -> [AlignedPhotograph] {
        let found = try detector.faces(in: photograph)
        return found.enumerated().map { index, face in
            AlignedPhotograph(
                width: photograph.width, height: photograph.height, face: index + 1, faces: found.count,
                score: face.score, landmarks: face.landmarks, square: face.square)
        }
    }

    /// The face's square, upright.
    ///
    /// - Parameters:
    ///   - photograph: The photograph that it was found in.
    ///   - size: Pixels along a side.
    /// - Returns: The square.
    public func crop(of photograph: Image, size: Int) -> Image { photograph.sampled(square, size: size) }
}
