import Classifiers
import Core
import DirectionFiles
import Foundation
import Generators
import LatentStore

/// A workspace at work: one method a verb, each with a typed request and a typed result.
///
/// For example:
///
/// ```swift
/// let session = Session(workspace: Workspace("faces"))
/// try session.sample(SampleRequest(count: 4000))
/// let edited = try session.edit(EditRequest(directions: "smiling", faces: .seeds([7]), strengths: [0, 1, 2], unit: .sigma))
/// try edited.grid().write(to: "smile.png")
/// ```
///
/// A session holds no open file and no network; every call opens what it needs. Whoever makes one hands in the
/// ``Core/RunContext`` by which work is followed and stopped; nothing here prints.
public struct Session: Sendable {
    /// The folder that holds all state.
    public let workspace: Workspace
    /// Whether to stop, and whom to tell of progress.
    public let context: RunContext

    /// - Parameters:
    ///   - workspace: The folder that holds all state; made by the first call that writes.
    ///   - context: Whether to stop, and whom to tell of progress.
    public init(workspace: Workspace = Workspace(), context: RunContext = .silent) {
        self.workspace = workspace
        self.context = context
    }

    /// An imported generator.
    ///
    /// - Throws: ``Core/Failure``: there is none of that name (not found), or its files are damaged.
    func generator(_ name: String) throws -> Generator { try Generator.load(folder: generatorFolder(name)) }

    /// The latent database, made when there is none; a notice tells where its journal is a risk.
    ///
    /// - Parameter journal: The journal it gets; nil keeps what it has.
    /// - Returns: The open database.
    /// - Throws: ``Core/Failure`` when it can't be opened.
    func store(journal: Journal? = nil) throws -> LatentStore {
        if journal != .delete { warnOfJournal(workspace.database) }
        return try LatentStore.open(workspace.database, journal: journal)
    }

    /// The latent database for reading only; a notice tells where its journal is a risk.
    ///
    /// - Throws: ``Core/Failure`` when there is none (not found), or it can't be opened.
    func readOnlyStore() throws -> LatentStore {
        warnOfJournal(workspace.database)
        return try LatentStore.openReadOnly(workspace.database)
    }

    /// Tells once a run where a database's journal is a risk: to be called before it is opened.
    func warnOfJournal(_ database: String) {
        guard context.isFirst("journal of \(database)"), let warning = Journal.warning(for: database) else { return }
        context.notice(warning)
    }

    /// The workspace's direction files, of all generators, and those that come with the program.
    var library: DirectionLibrary { DirectionLibrary(workspace.directions, hasShipped: true) }

    /// The workspace's direction files as a generator sees them: newest means its newest.
    func library(of identity: GeneratorIdentity) -> DirectionLibrary {
        library.of(generator: identity.sha256, name: identity.name)
    }

    /// The direction of a reference, which has to be the generator's.
    ///
    /// - Parameters:
    ///   - reference: A name (the generator's newest), `name@v2`, or a direction file.
    ///   - identity: The generator.
    ///   - isForced: Whether another generator's will do; its newest where this one has none.
    ///   - hasShipped: Whether one that comes with the program will do: it is of W+, and whoever wants one of W says false.
    /// - Returns: The direction.
    /// - Throws: ``Core/Failure``: there is none (usage), or it is another generator's (conflict).
    func direction(
        _ reference: String, of identity: GeneratorIdentity, isForced: Bool = false, hasShipped: Bool = true
    ) throws -> DirectionFile {
        let all = DirectionLibrary(workspace.directions, hasShipped: hasShipped)
        let own = all.of(generator: identity.sha256, name: identity.name)
        guard !isForced else {
            do { return try own.load(reference) } catch { return try all.load(reference) }
        }
        let file = try own.load(reference)
        try file.requireGenerator(sha256: identity.sha256, name: identity.name)
        return file
    }
}
