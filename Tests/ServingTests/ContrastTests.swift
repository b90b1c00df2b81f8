import Core
import Foundation
import Testing

/// The page's colours against each other, computed from its style sheet as WCAG 2.2 defines contrast.
@Suite struct ContrastTests {
    private static let sheet: String = {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().path()
        let data = FileManager.default.contents(atPath: root + "Sources/Serving/Resources/editor.css")
        return String(decoding: data ?? Data(), as: UTF8.self)
    }()

    /// The colours of a scheme by their names in the style sheet.
    static func colours(isDark: Bool) throws -> [String: [Double]] {
        let roots = sheet.matches(of: #/:root \{([^}]*)\}/#).map { String($0.1) }
        try #require(roots.count == 2, "a light and a dark scheme")
        var colours: [String: [Double]] = [:]
        for match in roots[isDark ? 1 : 0].matches(of: #/--([a-z]+): #([0-9a-f]+);/#) {
            let digits = match.2.count == 3 ? match.2.map { "\($0)\($0)" }.joined() : String(match.2)
            let value = try #require(Int(digits, radix: 16))
            colours[String(match.1)] = [16, 8, 0].map { Double(value >> $0 & 255) / 255 }
        }
        return colours
    }

    private static func luminance(_ colour: [Double]) -> Double {
        let linear = colour.map { $0 <= 0.04045 ? $0 / 12.92 : pow(($0 + 0.055) / 1.055, 2.4) }
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    }

    static func contrast(_ first: [Double], _ second: [Double]) -> Double {
        let (a, b) = (luminance(first), luminance(second))
        return (max(a, b) + 0.05) / (min(a, b) + 0.05)
    }

    @Test func blackOnWhiteIs21() { #expect(abs(Self.contrast([0, 0, 0], [1, 1, 1]) - 21) < 1e-9) }

    /// Text 4.5 to 1, what bars, borders and the focus ring show 3 to 1.
    @Test(arguments: [false, true]) func meetsAA(isDark: Bool) throws {
        let colours = try Self.colours(isDark: isDark)
        func check(_ first: String, on second: String, atLeast least: Double) throws {
            let ratio = Self.contrast(try #require(colours[first]), try #require(colours[second]))
            #expect(ratio >= least, "\(first) on \(second): \(ratio)")
        }
        for ground in ["paper", "card"] {
            for text in ["ink", "soft", "down"] { try check(text, on: ground, atLeast: 4.5) }
            for mark in ["accent", "soft", "up", "down"] { try check(mark, on: ground, atLeast: 3) }
        }
        try check("on", on: "accent", atLeast: 4.5)
        for mark in ["soft", "up", "down"] { try check(mark, on: "line", atLeast: 3) }
    }

    /// What is computed above is all there is: outside of the two schemes no rule names a colour of its own, but for what
    /// lies on pictures and behind dialogs.
    @Test func usesNoOtherColours() {
        let rules = Self.sheet.replacing(#/:root \{[^}]*\}/#, with: "")
        let own = rules.matches(of: #/[^&\w]#[0-9a-f]{3,8}\b/#).map { String($0.0.dropFirst()) }
        // The line between before and after with its shadow, and the dialog's backdrop.
        #expect(Set(own) == ["#fff", "#000", "#0008"], "\(own)")
        #expect(!rules.contains("rgb(") && !rules.contains("hsl("))
    }
}
