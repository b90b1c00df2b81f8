import Images

extension FaceFrame {
    /// Why a picture can't be one aligned face in this frame, as the rest of a sentence, and what to do; nil when it may be one.
    ///
    /// A classifier gives numbers for anything: for sixteen faces on a sheet and for a whole photograph as well.
    public func problem(of image: Image) -> (problem: String, advice: String)? {
        if let cells = image.gridCells {
            return (
                "looks like a sheet of \(cells.columns) x \(cells.rows) pictures, not one face",
                "cut it into its faces; `edit` and `synth` write them apart as frames"
            )
        }
        let ratio = Double(image.width) / Double(image.height)
        switch self {
        case .ffhq where abs(ratio - 1) > 0.03:
            let isCelebA = abs(ratio * 218 / 178 - 1) < 0.02
            return (
                "has \(image.width) x \(image.height) pixels, an aligned face in FFHQ's frame is square",
                isCelebA
                    ? "choose the frame celeba for CelebA's pictures" : "cut out the face's square first, as FFHQ aligns it"
            )
        case .celeba where abs(ratio * 218 / 178 - 1) > 0.03:
            return (
                "has \(image.width) x \(image.height) pixels, CelebA's aligned pictures have 178 x 218 or the like",
                abs(ratio - 1) < 0.03
                    ? "choose the frame ffhq for square pictures" : "cut out the face as CelebA aligns it"
            )
        default: return nil
        }
    }
}
