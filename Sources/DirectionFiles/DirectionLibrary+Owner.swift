import Core

extension DirectionLibrary {
    /// A generator whose directions a bare name means.
    public struct Owner: Sendable, Hashable {
        /// SHA-256 of its weights.
        public let sha256: String
        /// What it is called, for people.
        public let name: String
    }

    /// The same folder as one generator sees it: the newest version of a name is that generator's newest.
    ///
    /// Directions that say of no generator that they are its count as everybody's.
    ///
    /// - Parameters:
    ///   - sha256: SHA-256 of the generator's weights.
    ///   - name: What it is called, for people.
    /// - Returns: A library that reads and writes the same files.
    public func of(generator sha256: String, name: String) -> DirectionLibrary {
        var library = self
        library.owner = Owner(sha256: sha256, name: name)
        return library
    }

    /// The owner's versions of an attribute, ascending; all of them where there is no owner.
    ///
    /// - Throws: As ``load(_:)``.
    public func files(of attribute: String) throws -> [DirectionFile] {
        try versions(of: attribute).map { try read(attribute, $0) }.filter(isOwn)
    }

    /// The newest direction of every attribute that has one of the owner's.
    ///
    /// - Throws: As ``load(_:)``.
    public func newest() throws -> [DirectionFile] { try newest(of: attributes()) }

    /// The newest directions of attributes, without those that have none of the owner's.
    ///
    /// - Throws: As ``load(_:)``.
    public func newest(of attributes: [String]) throws -> [DirectionFile] {
        try attributes.compactMap { attribute in
            if owner == nil { return versions(of: attribute).isEmpty ? nil : try newest(of: attribute) }
            return try newestOwn(attribute)
        }
    }

    /// Whether a direction is the owner's, or everybody's.
    private func isOwn(_ file: DirectionFile) -> Bool { owner.map { file.belongs(to: $0.sha256) } ?? true }

    private func newestOwn(_ attribute: String) throws -> DirectionFile? {
        for version in versions(of: attribute).reversed() {
            let file = try read(attribute, version)
            if isOwn(file) { return file }
        }
        return nil
    }

    /// The newest version of an attribute that has some.
    ///
    /// - Throws: ``Core/Failure``: none is the owner's, or there is no owner and they are of several generators (usage).
    func newest(of attribute: String) throws -> DirectionFile {
        if let owner {
            if let own = try newestOwn(attribute) ?? shipped(attribute) { return own }
            throw Failure(
                attribute, "has no direction of generator \(owner.name): \(listing(readable(attribute)))",
                "make one with `\(fitCommand(attribute))`", kind: .usage)
        }
        guard let last = versions(of: attribute).last else { throw unknown(attribute) }
        let newest = try read(attribute, last)
        let all = readable(attribute)
        if Set(all.compactMap { $0.metadata.generator?.sha256 }.filter { !$0.isEmpty }).count > 1 {
            throw Failure(
                attribute, "has directions of several generators: \(listing(all))",
                "name one, such as \(newest.label)", kind: .usage)
        }
        return newest
    }

    /// The command that makes a direction of an attribute, its values in brackets.
    func fitCommand(_ attribute: String) -> String {
        let generator = owner.map { $0.name == "default" ? "" : " [generator \($0.name)]" } ?? ""
        return "directions fit [attribute \(attribute)]\(generator)"
    }

    private func readable(_ attribute: String) -> [DirectionFile] {
        versions(of: attribute).compactMap { try? read(attribute, $0) }
    }

    /// Such as `v1 and v3 belong to ffhq, v2 to cats`; generators of one name are told apart by their SHA-256.
    private func listing(_ files: [DirectionFile]) -> String {
        var versions: [DirectionMetadata.Reference: [String]] = [:]
        var order: [DirectionMetadata.Reference] = []
        for file in files {
            let owner = file.metadata.generator ?? .init(name: "none", sha256: "")
            if versions[owner] == nil { order.append(owner) }
            versions[owner, default: []].append("v\(file.version)")
        }
        return order.map { "\((versions[$0] ?? []).joined(separator: ", ")) of \($0.name) (\($0.sha256.prefix(12))…)" }
            .joined(separator: "; ")
    }
}

extension DirectionFile {
    /// Whether a direction is a generator's, or says of no generator that it is its.
    ///
    /// - Parameter sha256: SHA-256 of the generator's weights.
    /// - Returns: True where the generator may use it as its own.
    public func belongs(to sha256: String) -> Bool {
        guard let own = metadata.generator, !own.sha256.isEmpty else { return true }
        return own.sha256 == sha256
    }

    func sharesGenerator(with other: DirectionFile) -> Bool {
        (metadata.generator?.sha256 ?? "") == (other.metadata.generator?.sha256 ?? "")
    }
}
