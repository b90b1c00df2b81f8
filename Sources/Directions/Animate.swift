import Core
import Editing
import Foundation
import Images
import Latents

/// An edit as a film: strengths swept smoothly from the least to the greatest and back.
public struct AnimationRequest: Sendable {
    /// The edit, whose strengths say from where to where.
    public var edit: EditRequest
    /// The photographs that are edited; nil for the edit's own faces.
    public var photographs: PhotographSource?
    /// Whether the faces' squares are shown rather than the whole photographs.
    public var isCropped: Bool
    /// Whether changes of photographs are kept wherever they are.
    public var isEverywhere = false
    /// Pixels along the longer side of each picture at most; nil for 1,024.
    public var size: Int?
    /// The film: a `.mp4`, `.gif` or `.webp`.
    public var path: String
    /// Seconds that it takes from one end to the other and back.
    public var seconds: Double
    /// Pictures in a second.
    public var framesPerSecond: Int

    /// - Parameters:
    ///   - edit: The edit, whose strengths say from where to where.
    ///   - path: The film: a `.mp4`, `.gif` or `.webp`.
    ///   - photographs: The photographs that are edited; nil for the edit's own faces.
    ///   - isCropped: Whether the faces' squares are shown rather than the whole photographs.
    ///   - size: Pixels along the longer side of each picture at most.
    ///   - seconds: Seconds from one end to the other and back.
    ///   - framesPerSecond: Pictures in a second.
    public init(
        _ edit: EditRequest, to path: String, photographs: PhotographSource? = nil, isCropped: Bool = false,
        size: Int? = nil, seconds: Double = 3, framesPerSecond: Int = 24
    ) {
        self.edit = edit
        if let photographs { self.edit.faces = .photographs(photographs) }
        if photographs != nil { self.edit.rendering?.size = nil }
        self.path = path
        self.photographs = photographs
        self.isCropped = isCropped
        self.size = size
        self.seconds = seconds
        self.framesPerSecond = framesPerSecond
    }

    /// Checks what can be checked before anything is loaded.
    ///
    /// - Throws: ``Core/Failure`` (usage) for what the edit refuses, strengths that are all the same, a length or a rate out of
    ///   range, a photograph's own name, or a film of no format that can be written.
    public func validate() throws {
        try edit.validate()
        _ = try Film(path: path, framesPerSecond: framesPerSecond)
        try OriginalFiles(photographs?.files ?? []).check(path)
        guard seconds > 0, seconds <= 600 else {
            throw Failure("seconds \(seconds)", "must be above 0 and at most 600", "for example 3", kind: .usage)
        }
        guard let low = edit.strengths.min(), let high = edit.strengths.max(), low < high else {
            throw Failure("strengths", "need a least and a greatest to sweep", "for example 0,2", kind: .usage)
        }
        if let size, !(16...16_383 ~= size) {
            throw Failure("size \(size)", "must be 16 to 16,383", "for example 512", kind: .usage)
        }
    }

    /// The strengths of the way there; the way back shows the same in reverse.
    var sweep: [Float] {
        let (low, high) = (edit.strengths.min() ?? 0, edit.strengths.max() ?? 0)
        let steps = max(1, Int((seconds * Double(framesPerSecond) / 2).rounded()))
        return (0...steps).map { step in
            if step == steps { return high }
            let share = (1 - cos(Double.pi * Double(step) / Double(steps))) / 2
            return low + (high - low) * Float(share)
        }
    }
}

/// A film that was made.
public struct AnimationResult: Sendable, Equatable {
    /// Its pictures.
    public let frames: Int
    /// Pixels of a row.
    public let width: Int
    /// Rows.
    public let height: Int
    /// Seconds that it takes.
    public let seconds: Double
}

extension Session {
    /// Makes a film of an edit.
    ///
    /// - Throws: ``Core/Failure``: as ``edit(_:)`` and ``editPhotographs(_:)``, or a film that can't be written.
    @discardableResult
    public func animate(_ request: AnimationRequest) throws -> AnimationResult {
        try request.validate()
        let picture = try pictures(of: request)
        let sweep = request.sweep
        let progress = context.progress("animate", unit: "pictures", total: sweep.count)
        defer { progress.finish() }
        var there: [Image] = []
        for strength in sweep {
            try context.check()
            there.append(try picture(strength))
            progress.advance(1)
        }
        let film = try Film(path: request.path, framesPerSecond: request.framesPerSecond)
        // The ends are shown once, as the film begins anew.
        for image in there + there.dropFirst().dropLast().reversed() {
            try context.check()
            try film.add(image)
        }
        try film.finish()
        return AnimationResult(
            frames: film.count, width: there[0].width, height: there[0].height,
            seconds: Double(film.count) / Double(request.framesPerSecond))
    }

    /// What makes the picture of a strength: a row of the edit's columns.
    private func pictures(of request: AnimationRequest) throws -> (Float) throws -> Image {
        let (generator, start) = try self.plan(of: request.edit)
        let rendering = request.edit.rendering ?? FaceRendering()
        func row(_ plan: EditPlan, _ images: [Image]) throws -> Image {
            let fitting = images.map { $0.fitting(request.size ?? 1024) }
            if fitting.count == 1 { return fitting[0] }
            var grid = plan.grid(fitting)
            // Texts of strengths have several lengths.
            grid.rowLabels = []
            return try grid.rendered()
        }
        func plan(at strength: Float) -> EditPlan {
            var plan = start
            plan.strengths = [strength]
            return plan
        }
        guard let photographs = request.photographs else {
            let quiet = Session(workspace: workspace, context: context.quiet)
            return { strength in
                let plan = plan(at: strength)
                return try row(
                    plan,
                    quiet.images(plan.edited(), generator: generator, rendering: rendering, label: "edit").images)
            }
        }
        let plain = try editor(of: photographs, generator, rendering)
        let edits = try codedPhotographs(photographs, generator: request.edit.generator).enumerated().map {
            let editor = try $1.tuning.map { try PhotographEditor(tuned(generator, by: $0), rendering: rendering) }
            return try (editor ?? plain).edits(
                of: PhotographFace(
                    $1.file, isAligned: photographs.isAligned, number: photographs.face, alignment: $1.alignment,
                    detector: faceDetector),
                code: start.codes.slice($0..<$0 + 1))
        }
        var regions = try PhotographRegions(
            plain, start, classifier: request.isEverywhere ? nil : classifier(nil))
        let kept = try (0..<start.codes.count).map { face in
            let code = try start.codes.slice(face..<face + 1)
            let square = edits[face].face.square
            return try start.mixtures.indices.map { mixture in
                (
                    below: try start.strengths.contains { $0 < 0 }
                        ? regions.region(mixture: mixture, strength: -1, of: code, face: square) : nil,
                    above: try start.strengths.contains { $0 > 0 }
                        ? regions.region(mixture: mixture, strength: 1, of: code, face: square) : nil
                )
            }
        }
        return { strength in
            let plan = plan(at: strength)
            let codes = try plan.edited()
            return try row(
                plan,
                (0..<codes.count).map {
                    let region = kept[plan.face(ofCell: $0)][plan.mixture(ofCell: $0)]
                    return try edits[plan.face(ofCell: $0)].picture(
                        of: codes.slice($0..<$0 + 1), region: strength < 0 ? region.below : region.above,
                        isCropped: request.isCropped)
                })
        }
    }
}
