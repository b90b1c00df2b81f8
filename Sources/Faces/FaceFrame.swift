import Core
import Foundation
import Images

/// How the face lies in a picture, and so which square of it the classifier looks at.
public enum FaceFrame: String, Sendable, CaseIterable, Codable {
    /// CelebA's aligned pictures, 178×218 or the same at another size.
    case celeba
    /// Square pictures in FFHQ's alignment, as StyleGAN2-FFHQ makes them.
    case ffhq

    /// The square window in a picture, in pixels, not yet rounded to whole ones.
    ///
    /// For ``celeba`` it is FFHQ's frame in CelebA's coordinates: x 9…169, y 35…195 of 178×218, which follows from the eyes near
    /// (69,111) and (109,111), the mouth corners near (73,152) and (106,152), and FFHQ's rule: centre eyes + 0.1·(mouth − eyes),
    /// side max(4·|right eye − left eye|, 3.6·|mouth − eyes|). For ``ffhq`` it is the largest centred square.
    public func window(width: Int, height: Int) -> (x: Double, y: Double, side: Double) {
        switch self {
        case .celeba:
            return (Double(width) * 9 / 178, Double(height) * 35 / 218, Double(width) * 160 / 178)
        case .ffhq:
            let side = Double(min(width, height))
            return ((Double(width) - side) / 2, (Double(height) - side) / 2, side)
        }
    }

    /// The window with its corner and side rounded to whole pixels, so that no pixel is mixed needlessly.
    public func wholeWindow(width: Int, height: Int) -> (x: Int, y: Int, side: Int) {
        let exact = window(width: width, height: height)
        let side = max(1, Int(exact.side.rounded()))
        return (Int(exact.x + (exact.side - Double(side)) / 2), Int(exact.y + (exact.side - Double(side)) / 2), side)
    }

    /// The window of `image` at `size`² pixels: area average where it shrinks, bilinear where it grows, edge pixels repeated
    /// where the window leaves the picture.
    public func crop(_ image: Image, size: Int) -> Image {
        let window = wholeWindow(width: image.width, height: image.height)
        return image.cropped(x: window.x, y: window.y, width: window.side, height: window.side)
            .resized(width: size, height: size)
    }
}
