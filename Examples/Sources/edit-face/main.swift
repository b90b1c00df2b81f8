// Opens a workspace, draws a few faces into it and writes them as a PNG, with nothing but the `Directions` library:
//
//     swift run --package-path Examples edit-face WORKSPACE faces.png

import Directions

guard CommandLine.arguments.count == 3 else { fatalError("usage: edit-face WORKSPACE PICTURE") }
let context = RunContext(notice: { print($0) }, progress: { print("\($0.label): \(Int(100 * $0.fraction)) %") })
let session = Session(workspace: Workspace(CommandLine.arguments[1]), context: context)

do {
    if (try? session.generatorIdentity()) == nil { try session.importGenerator() }
    try session.sample(SampleRequest(count: 4, seed: 7))
    let answer = try session.query(QueryRequest(.filter("seed = 7"), limit: 4))
    let faces = try session.faces(of: answer)
    try faces.grid.rendered().write(to: CommandLine.arguments[2])
    print("\(CommandLine.arguments[2]): \(faces.ids.count) faces")
} catch let failure as Failure where failure.kind == .notFound {
    print("\(failure.subject) is not there: \(failure.advice)")
}
