// Opens a workspace, makes faces smile and writes them as a PNG, with nothing but the `Directions` library:
//
//     swift run --package-path Examples edit-face WORKSPACE faces.png

import Directions

guard CommandLine.arguments.count == 3 else { fatalError("usage: edit-face WORKSPACE PICTURE") }
let context = RunContext(notice: { print($0) }, progress: { print("\($0.label): \(Int(100 * $0.fraction)) %") })
let session = Session(workspace: Workspace(CommandLine.arguments[1]), context: context)

/// The name of the newest direction, made of a few faces where there is none yet.
func direction(of attribute: String) throws -> String {
    if session.directionVersions().contains(where: { $0.attribute == attribute }) { return attribute }
    if (try? session.generatorIdentity()) == nil { try session.importGenerator() }
    try session.sample(SampleRequest(count: 48))
    try session.score()
    let choice = try AttributeChoice(attribute)
    try session.select(SelectRequest(attributes: choice, top: 12))
    return try session.fit(FitRequest(attributes: choice)).directions[0].direction
}

do {
    let smiling = try direction(of: "smiling")
    let request = EditRequest(
        directions: smiling, faces: .seeds([7]), strengths: [0, 1, 2], unit: .sigma,
        rendering: FaceRendering(size: 256))
    try request.validate()
    let edited = try session.edit(request)
    try edited.grid().write(to: CommandLine.arguments[2])
    print("\(CommandLine.arguments[2]): \(smiling) on \(edited.codes.count) faces")
} catch let failure as Failure where failure.kind == .notFound {
    print("\(failure.subject) is not there: \(failure.advice)")
}
