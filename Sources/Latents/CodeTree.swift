import Core
import Weights

/// Finds codes in what a file holds: arrays in lists and dictionaries.
struct CodeTree {
    let file: String
    let layout: CodeFile.Layout

    /// One array.
    struct Leaf {
        /// Where it lies in the file.
        var name: String
        var tensor: StoredTensor
        /// What its place says of an array of two dimensions.
        var space: CodeFile.Space?
    }

    /// The arrays that a key means.
    ///
    /// - Throws: ``Core/Failure`` when there are several and no key, none, or none of the key.
    func select(_ value: TorchValue, key: String?) throws -> [Leaf] {
        try select(value, key: key, at: Place(), depth: 0)
    }

    /// How a value was come to.
    private struct Place {
        var name = ""
        /// Whether what lies here is of one picture.
        var isOne = false

        func under(_ key: String, isOne: Bool) -> Place {
            Place(name: name.isEmpty ? key : "\(name)/\(key)", isOne: self.isOne || isOne)
        }
    }

    @inline(never) private func select(_ value: TorchValue, key: String?, at place: Place, depth: Int) throws -> [Leaf]
    {
        guard depth <= 8 else { throw nothing(key) }
        if let tensor = value.storedTensor { return [try leaf(tensor, key: key, at: place)] }
        switch value {
        case .dictionary(let entries): return try select(entries, key: key, at: place, depth: depth)
        case .list(let items): return try select(items, key: key, at: place, depth: depth)
        default: throw nothing(key)
        }
    }

    private func nothing(_ key: String?) -> Failure {
        guard let key else {
            return Failure(
                file, "holds no latent codes, which are arrays of \(layout.size) columns",
                "check that it is the right file")
        }
        return Failure(file, "has nothing under the key `\(key)`", "leave the key out to see the keys", kind: .usage)
    }

    // MARK: Arrays

    private func leaf(_ tensor: StoredTensor, key: String?, at place: Place) throws -> Leaf {
        let leaf = Leaf(name: place.name, tensor: tensor, space: space(place))
        guard let key, key != CodeFile.allKeys else { return leaf }
        // A number chooses one of the first dimension: a code of several, or a step.
        guard let index = Int(key), tensor.shape.count > 1, (0..<tensor.shape[0]).contains(index) else {
            throw nothing(place.name.isEmpty ? key : "\(place.name)/\(key)")
        }
        let whole = try tensor.load()
        let size = whole.bytes.count / tensor.shape[0]
        let part = try TensorData(
            shape: Array(tensor.shape.dropFirst()), type: tensor.type,
            bytes: whole.bytes.subdata(in: index * size..<(index + 1) * size))
        return Leaf(name: place.under(key, isOne: true).name, tensor: StoredTensor(part), space: .wPlus)
    }

    /// What a name or a place says of two dimensions.
    private func space(_ place: Place) -> CodeFile.Space? {
        let name = place.name.split(separator: "/").last.map { $0.lowercased() } ?? ""
        if ["w+", "wp", "wplus", "w_plus", "w-plus", "wplus_latent"].contains(name) { return .wPlus }
        return place.isOne ? .wPlus : nil
    }

    /// Whether an array may be codes: not pictures, noise inputs or losses.
    private func isCode(_ tensor: StoredTensor) -> Bool {
        let shape = tensor.shape
        guard shape.last == layout.size, (1...4).contains(shape.count), !shape.contains(0) else { return false }
        if shape.count < 3 { return true }
        if shape.count == 4, shape[0] != 1 { return false }
        return shape[shape.count - 2] == 1 || layout.rows.contains(shape[shape.count - 2])
    }

    /// Whether anything inside may be codes.
    @inline(never) private func hasCode(_ value: TorchValue, depth: Int = 0) -> Bool {
        if let tensor = value.storedTensor { return isCode(tensor) }
        guard depth <= 8 else { return false }
        switch value {
        case .dictionary(let entries):
            return entries.contains { !CodeTree.isNoise($0.key) && hasCode($0.value, depth: depth + 1) }
        case .list(let items): return items.contains { hasCode($0, depth: depth + 1) }
        default: return false
        }
    }

    /// Names under which the tools keep noise inputs and pictures.
    private static func isNoise(_ key: String) -> Bool {
        let key = key.lowercased()
        return key.hasPrefix("noise")
            || ["img", "image", "images", "loss", "losses", "latent_avg", "w_avg"].contains(key)
    }

    // MARK: Dictionaries

    @inline(never) private func select(
        _ entries: [TorchValue.Entry], key: String?, at place: Place, depth: Int
    ) throws -> [Leaf] {
        let inside = entries.filter { !CodeTree.isNoise($0.key) && hasCode($0.value) }
        // The names of a dictionary are pictures where they look so, or where each has its own dictionary or steps.
        func isPicture(_ entry: TorchValue.Entry) -> Bool {
            if entry.value.storedTensor == nil { return true }
            let ending = entry.key.split(separator: ".").last.map { $0.lowercased() } ?? ""
            return ["jpg", "jpeg", "png", "webp", "bmp", "tif", "tiff", "heic"].contains(ending)
        }
        guard let key, key != CodeFile.allKeys else {
            if key == nil, inside.count > 1 { throw several(inside.map(\.key), at: place) }
            guard !inside.isEmpty else { throw key == nil ? nothing(nil) : nothing(key) }
            return try inside.flatMap {
                try select(
                    $0.value, key: nil, at: place.under($0.key, isOne: isPicture($0)), depth: depth + 1)
            }
        }
        // The longest name first: a name may itself hold a slash.
        let matching = entries.filter { key == $0.key || key.hasPrefix($0.key + "/") }
            .sorted { $0.key.utf8.count > $1.key.utf8.count }
        if let entry = matching.first {
            let rest = key == entry.key ? nil : String(key.dropFirst(entry.key.count + 1))
            return try select(
                entry.value, key: rest, at: place.under(entry.key, isOne: isPicture(entry)), depth: depth + 1)
        }
        // A picture's name without its ending, or a step further down where only one name is there.
        let stems = entries.filter { $0.key.hasPrefix(key + ".") }
        if stems.count == 1, let entry = stems.first {
            return try select(
                entry.value, key: nil, at: place.under(entry.key, isOne: isPicture(entry)), depth: depth + 1)
        }
        if inside.count == 1, let entry = inside.first {
            return try select(
                entry.value, key: key, at: place.under(entry.key, isOne: isPicture(entry)), depth: depth + 1)
        }
        throw Failure(
            file, "has nothing under the key `\(key)`", "its keys are \(shown(inside.map(\.key)))", kind: .usage)
    }

    private func several(_ keys: [String], at place: Place) -> Failure {
        let prefix = place.name.isEmpty ? "" : place.name + "/"
        return Failure(
            file, "holds several codes: \(shown(keys.map { prefix + $0 }))",
            "choose one by its key, '\(prefix + (keys.first ?? ""))', or all with '\(CodeFile.allKeys)'",
            kind: .usage)
    }

    private func shown(_ keys: [String]) -> String {
        let some = keys.prefix(8).map { $0.count > 60 ? $0.prefix(57) + "…" : $0[...] }.joined(separator: ", ")
        return keys.count > 8 ? "\(some) and \(keys.count - 8) more" : some
    }

    // MARK: Lists

    /// A list under a picture's name is an encoder's steps, of which the last counts; any other is of codes.
    @inline(never) private func select(_ items: [TorchValue], key: String?, at place: Place, depth: Int) throws
        -> [Leaf]
    {
        let codes = items.enumerated().filter { hasCode($0.element) }
        guard !codes.isEmpty else { throw nothing(key) }
        if let key, key != CodeFile.allKeys {
            let first = key.prefix { $0 != "/" }
            if let index = Int(first), items.indices.contains(index) {
                let rest = first.count == key.count ? nil : String(key.dropFirst(first.count + 1))
                return try select(items[index], key: rest, at: place.under("\(index)", isOne: true), depth: depth + 1)
            }
            if codes.count == 1, let only = codes.first {
                return try select(only.element, key: key, at: place, depth: depth + 1)
            }
            throw Failure(
                file, "has nothing under the key `\(key)`", "its keys are 0 to \(items.count - 1)", kind: .usage)
        }
        guard key == nil else {
            return try codes.flatMap {
                try select($0.element, key: nil, at: place.under("\($0.offset)", isOne: true), depth: depth + 1)
            }
        }
        if place.isOne, let last = codes.last {
            return try select(last.element, key: nil, at: place, depth: depth + 1)
        }
        // One thing in a list is the thing itself; several are a code each.
        if codes.count == 1, let only = codes.first {
            return try select(only.element, key: nil, at: place, depth: depth + 1)
        }
        return try codes.flatMap {
            try select($0.element, key: nil, at: place.under("\($0.offset)", isOne: true), depth: depth + 1)
        }
    }
}
