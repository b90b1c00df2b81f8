import Core
import Faces
import Images
import Networks
import Objectives

/// What an edit costs the person and the rest of the picture: what keeps clothes, background and features that no attribute names.
public struct FaceKeeping: Sendable, CustomStringConvertible {
    /// What the parts count beside a logit's mean change: LPIPS and squared colour differences outside the attribute's region, and
    /// 1 − the cosine of the face embeddings.
    private static let (perceptualWeight, colourWeight, personWeight): (Float, Float, Float) = (4, 8, 2)
    /// Pixels along a side at which LPIPS and colours are compared.
    private static let (perceptualSide, colourSide) = (128, 32)

    private let perceptual: PerceptualNetwork?
    private let embedder: FaceEmbedder?
    /// What changes of the skin's colour count (see ``Objectives/ComplexionObjective``).
    let skin: Float
    /// What colours that neither skin nor hair has count (see ``Objectives/NaturalColoursObjective``).
    let natural: Float

    /// - Parameters:
    ///   - perceptual: For LPIPS; nil leaves it out.
    ///   - embedder: Knows persons; nil leaves them out.
    ///   - skin: What changes of the skin's colour count; 0 leaves it free.
    ///   - natural: What colours that neither skin nor hair has count; 0 leaves them free.
    public init(perceptual: PerceptualNetwork?, embedder: FaceEmbedder?, skin: Float = 0, natural: Float = 0) {
        self.perceptual = perceptual
        self.embedder = embedder
        self.skin = skin
        self.natural = natural
    }

    /// What is kept and how much it counts, for a fingerprint of what was made with it.
    public var description: String {
        let person = embedder == nil ? "" : ", person \(FaceKeeping.personWeight)"
        let picture = perceptual == nil ? "" : ", lpips \(FaceKeeping.perceptualWeight)"
        // What was made without them keeps its name.
        let complexion = (skin == 0 ? "" : ", skin \(skin)") + (natural == 0 ? "" : ", natural \(natural)")
        return "colours \(FaceKeeping.colourWeight)" + complexion + picture + person
    }

    /// Pixels along a side from which on faces hold all that is compared.
    public var side: Int { embedder == nil ? FaceKeeping.perceptualSide : FaceEmbedder.faceSize }

    /// The cost of edited faces.
    ///
    /// - Parameters:
    ///   - before: The unedited ones, of the size that edited ones will have.
    ///   - inside: [side, side]: 1 where the attribute lives, 0 where nothing is to change.
    /// - Returns: A cost for each face.
    /// - Throws: ``Core/Failure`` when the faces can't be computed with.
    public func objective(before: ImageBatch, inside: [Float]) throws -> CombinedObjective {
        func outside(_ objective: any Objective) -> SurroundingsObjective {
            SurroundingsObjective(objective, before: before, inside: inside)
        }
        var parts: [(any Objective, weight: Float)] = [
            (outside(PixelLoss(targets: before, side: FaceKeeping.colourSide)), FaceKeeping.colourWeight)
        ]
        if let perceptual {
            let loss = try LPIPS(perceptual, targets: before.resized(to: FaceKeeping.perceptualSide))
            parts.append((outside(loss), FaceKeeping.perceptualWeight))
        }
        if skin > 0 { parts.append((ComplexionObjective(faces: before), skin)) }
        if natural > 0 { parts.append((NaturalColoursObjective(faces: before), natural)) }
        if let embedder { parts.append((try IdentityObjective(embedder, faces: before), FaceKeeping.personWeight)) }
        return CombinedObjective(parts)
    }
}
