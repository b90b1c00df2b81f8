import Core
import Foundation

/// The README of a pack: what the directions are, how good, how to use them, what may be done with them.
struct ModelCard {
    let name: String
    let directions: [DirectionFile]
    let hasPreview: (DirectionFile) -> Bool
    let generator: PackManifest.Generator
    let licence: String
    let created: String
    /// Markdown of what the directions did to fresh faces; may be empty.
    let measurements: String
    /// Markdown of how to use them with other programs; may be empty.
    let hints: String

    /// Text that is shown as it is: what Markdown or HTML would make something of is escaped, line ends become spaces.
    static func plain(_ text: String) -> String {
        var result = ""
        for character in text {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\\", "`", "*", "[", "]", "|": result += "\\\(character)"
            case let other where other.isNewline: result += " "
            default: result.append(character)
            }
        }
        return result
    }

    /// Text between backticks, which can't hold any, in one line.
    static func code(_ text: String) -> String {
        "`" + String(text.map { $0 == "`" ? "'" : $0 == "|" ? "/" : $0.isNewline ? " " : $0 }) + "`"
    }

    /// Text of several lines: HTML in it is shown and not made.
    private static func paragraphs(_ text: String) -> String {
        text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
            .replacingOccurrences(of: "](", with: "] (")
    }

    /// Markdown.
    var text: String {
        [header, table, measurements, previews, use, provenance, "## Licence\n\n\(ModelCard.paragraphs(licence))\n"]
            .filter { !$0.isEmpty }
            .joined(separator: "\n")
    }

    private var header: String {
        var source = ""
        if let name = generator.source { source = ", imported from \(ModelCard.code(name))" }
        return """
            # \(name)

            \(directions.count) semantic direction\(directions.count == 1 ? "" : "s") in the latent space of the \
            \(generator.architecture.map { ModelCard.plain($0) + " " } ?? "")generator \(ModelCard.code(generator.name))\(source). Adding a direction to a latent \
            code changes one attribute of the face: `w' = w + strength * direction`.

            Generator SHA-256: \(ModelCard.code(generator.sha256)). On a generator with another latent space these directions mean nothing.

            """
    }

    private var table: String {
        var lines = [
            "## Directions", "", "| direction | space | sigma | solver | train | held out | all others | free of |",
            "|---|---|---|---|---|---|---|---|",
        ]
        func percent(_ value: Double?) -> String { value.map { String(format: "%.1f %%", 100 * $0) } ?? "" }
        for direction in directions {
            let data = direction.metadata
            let cells = [
                direction.label, data.space.rawValue, String(format: "%.3f", direction.sigma),
                ModelCard.plain(data.solver?.name ?? "imported"),
                percent(data.trainAccuracy), percent(data.validationAccuracy), percent(data.restAccuracy),
                ModelCard.plain(data.orthogonalTo.joined(separator: ", ")),
            ]
            lines.append("| \(cells.joined(separator: " | ")) |")
        }
        lines += [
            "",
            "`sigma` is the standard deviation of the training latents along the direction: the natural step. The percentages "
                + "are shares of latents on their own side of the boundary; they measure how separable an attribute is, not how "
                + "well an edit looks.", "",
        ]
        return lines.joined(separator: "\n")
    }

    private var previews: String {
        let shown = directions.filter(hasPreview)
        if shown.isEmpty { return "" }
        return (["## Previews", ""] + shown.map { "![\($0.attribute)](previews/\($0.attribute).png)" } + [""])
            .joined(separator: "\n")
    }

    private var use: String {
        let first = directions[0]
        return """
            ## Use

            ```python
            from safetensors.numpy import load_file
            tensors = load_file("\(first.attribute)/v\(first.version).safetensors")
            edited = w + 2 * tensors["sigma"] * tensors["direction"]      # w: [n, \(first.size)]
            ```

            """ + (hints.isEmpty ? "" : "\n\(hints)\n")
    }

    private var provenance: String {
        var lines = ["## Provenance", ""]
        for direction in directions {
            let data = direction.metadata
            var parts: [String] = []
            if let samples = data.samples {
                parts.append("\(samples.count) latents (seed \(samples.seed), psi \(samples.psi))")
            }
            if let chosen = data.selection {
                parts.append("of which the \(chosen.top) highest and \(chosen.bottom) lowest scores were used")
            }
            if let classifier = data.classifier { parts.append("scored by \(ModelCard.code(classifier.name))") }
            if let source = data.source {
                parts.append("imported from \(ModelCard.code(source.name)) (SHA-256 \(ModelCard.code(source.sha256)))")
            }
            lines.append("- **\(direction.label)**: \(parts.isEmpty ? "unknown" : parts.joined(separator: ", ")).")
        }
        return (lines + ["", "Packed \(ModelCard.plain(created)) by directions \(Version.current).", ""]).joined(
            separator: "\n")
    }
}
