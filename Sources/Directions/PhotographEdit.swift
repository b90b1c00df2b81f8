import Core
import Editing
import Foundation
import Generators
import Images
import Latents

/// Which directions to apply to which photographs, and what to make of it.
public struct PhotographEditRequest: Sendable {
    /// The edit; its faces are photographs, and its rendering says how faces are synthesized.
    public var edit: EditRequest
    /// The photographs.
    public var photographs: PhotographSource
    /// Whether the face's square is made rather than the whole photograph.
    public var isCropped: Bool
    /// Whether changes are kept wherever they are; else only where the directions change the generator's own faces.
    public var isEverywhere = false
    /// Pixels along the longer side of each picture; nil leaves a single one as large as the photograph, and makes several at most
    /// 1,024.
    public var size: Int?
    /// A folder that gets a PNG of each, as large as the photograph; nil for none.
    public var frames: String?

    /// - Parameters:
    ///   - edit: The edit; its faces are replaced by the photographs.
    ///   - photographs: The photographs.
    ///   - isCropped: Whether the face's square is made rather than the whole photograph.
    ///   - size: Pixels along the longer side of each picture; nil for those that fit.
    ///   - frames: A folder that gets a PNG of each, as large as the photograph; nil for none.
    public init(
        _ edit: EditRequest, of photographs: PhotographSource, isCropped: Bool = false, size: Int? = nil,
        frames: String? = nil
    ) {
        self.edit = edit
        self.edit.faces = .photographs(photographs)
        self.edit.rendering?.size = nil
        self.photographs = photographs
        self.isCropped = isCropped
        self.size = size
        self.frames = frames
    }

    /// Checks what can be checked before anything is loaded.
    ///
    /// - Throws: ``Core/Failure`` (usage) for what ``EditRequest/validate()`` refuses, or a size out of range.
    public func validate() throws {
        try edit.validate()
        if let size, !(16...32_768 ~= size) {
            throw Failure("size \(size)", "must be 16 to 32,768", "for example 1024", kind: .usage)
        }
        if frames == "" { throw Failure("frames", "name no folder", "for example frames", kind: .usage) }
    }
}

/// Edited photographs.
public struct PhotographEditResult: Sendable {
    /// The edited codes of all cells of the grid, row by row.
    public let codes: LatentCodes
    /// The pictures, in their order.
    public let images: [Image]
    /// Texts above the columns: directions, or photographs where there is one direction.
    public let columnLabels: [String]
    /// Texts left of the rows: strengths.
    public let rowLabels: [String]
    private let plan: EditPlan
    private let originals: OriginalFiles

    init(_ plan: EditPlan, codes: LatentCodes, images: [Image], originals: OriginalFiles) {
        self.plan = plan
        self.originals = originals
        self.codes = codes
        self.images = images
        (columnLabels, rowLabels) = (plan.columnLabels, plan.rowLabels)
    }

    /// Writes the picture of them all; frames have been written as they were made.
    ///
    /// - Parameter output: Where it goes.
    /// - Returns: A line on each thing written.
    /// - Throws: ``Core/Failure`` naming a file that can't be written, or one of the photographs (usage).
    public func write(to output: PictureOutput) throws -> [String] {
        let count = images.count == 1 ? "1 picture" : "\(images.count) pictures"
        var lines: [String] = []
        if let path = output.path {
            try originals.check(path)
            let picture = try picture(hasLabels: output.hasLabels)
            try picture.write(to: path)
            lines.append("\(path): \(count), \(picture.width) x \(picture.height) pixels")
        }
        if let folder = output.frames { lines.append("\(folder): \(count), a PNG each") }
        return lines
    }

    /// One picture of them all; a single one is that picture itself.
    ///
    /// - Parameter hasLabels: Whether the columns and rows of several have texts.
    /// - Returns: The picture.
    /// - Throws: ``Core/Failure`` (usage) when it would be too large.
    public func picture(hasLabels: Bool = true) throws -> Image {
        if images.count == 1 { return images[0] }
        let grid = plan.grid(images)
        return try (hasLabels ? grid : grid.unlabelled).rendered()
    }
}

extension Session {
    /// Applies directions to photographs.
    ///
    /// The codes of their faces are found where the database has none, edited, and what changed is carried over to the photographs. A
    /// strength of 0 gives the photograph itself, to the bit.
    ///
    /// - Throws: ``Core/Failure``: as ``edit(_:)`` and ``invert(_:)``, naming the first photograph that can't be used.
    public func editPhotographs(_ request: PhotographEditRequest) throws -> PhotographEditResult {
        try request.validate()
        // Directions first: a code takes a minute to find.
        let (generator, plan) = try plan(of: request.edit)
        let photographs = try codedPhotographs(request.photographs, generator: request.edit.generator)
        let codes = try plan.edited()
        let names = PictureNames.unique(EditResult(plan, codes: codes, images: nil).frameNames)
        let rendering = request.edit.rendering ?? FaceRendering()
        let plain = try editor(of: request.photographs, generator, rendering)
        let progress = context.progress("edit", unit: "pictures", total: codes.count, isShown: codes.count > 1)
        defer { progress.finish() }
        let originals = OriginalFiles(photographs.map(\.file))
        var images = [Image?](repeating: nil, count: codes.count)
        var regions = try PhotographRegions(
            plain, plan, classifier: request.isEverywhere ? nil : classifier(nil))
        // Photograph by photograph, so that no more than one is held with what belongs to it.
        for (index, photograph) in photographs.enumerated() {
            let face = try PhotographFace(
                photograph.file, isAligned: request.photographs.isAligned, number: request.photographs.face,
                alignment: photograph.alignment, detector: faceDetector, context: context)
            let editor = try photograph.tuning.map {
                try PhotographEditor(tuned(generator, by: $0), rendering: rendering)
            }
            let edits = try (editor ?? plain).edits(of: face, code: plan.codes.slice(index..<index + 1))
            for cell in 0..<codes.count where plan.face(ofCell: cell) == index {
                try context.check()
                let region = try regions.region(
                    mixture: plan.mixture(ofCell: cell), strength: plan.strength(ofCell: cell),
                    of: plan.codes.slice(index..<index + 1), face: face.square)
                let edited = try edits.picture(
                    of: codes.slice(cell..<cell + 1), region: region, isCropped: request.isCropped)
                if let folder = request.frames {
                    let frame = "\(folder)/\(names[cell]).png"
                    try originals.check(frame)
                    try edited.write(to: frame)
                }
                images[cell] = edited.fitting(request.size ?? (codes.count == 1 ? nil : 1024))
                progress.advance(1)
            }
        }
        return PhotographEditResult(plan, codes: codes, images: images.compactMap(\.self), originals: originals)
    }
}
