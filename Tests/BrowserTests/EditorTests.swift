import Core
import Directions
import Foundation
import Testing

/// The editor in a real browser: what people do, and what they get.
@Suite(.serialized) struct EditorTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path()

    static let wheel: String? = {
        let path =
            ProcessInfo.processInfo.environment["DIRECTIONS_WHEEL"] ?? root
            + ".cache/random_face-2021.7.21.1-py3-none-any.whl"
        return FileManager.default.fileExists(atPath: path) ? path : nil
    }()

    static let isReady = wheel != nil && Browser.paths != nil
    static let first = "input[type=range][data-name=first]"
    /// What is shown is the full picture of what is wanted.
    static let settled =
        "document.documentElement.dataset.wanted && document.documentElement.dataset.full === document.documentElement.dataset.wanted"

    static func program() throws -> String {
        let bundle = try #require(
            CommandLine.arguments.first { $0.contains(".xctest") } ?? CommandLine.arguments.first)
        let range = try #require(bundle.range(of: "/release/"))
        return bundle[..<range.lowerBound] + "/release/directions"
    }

    @Test(
        .enabled(if: isReady, "Chromium, chromedriver or the generator wheel is absent; `make test-browser`"),
        .timeLimit(.minutes(20)))
    func peopleEditFaces() async throws {
        try await visit("kind=seed&number=7") { browser, place in
            try await browser.wait(Self.settled)
            let strength = try await moves(browser)
            try await downloads(browser, place, strength)
            try await reloads(browser)
            try await keepsHistory(browser)
            try await opensPhotographs(browser, place)
            try await fitsPhones(browser)
        }
    }

    /// A browser at a server of its own; what goes wrong is told with where the page was.
    func visit(_ hash: String, faces: Int = 0, _ body: (Browser, Place) async throws -> Void) async throws {
        let place = try Place(wheel: #require(Self.wheel), faces: faces)
        defer { place.remove() }
        let server = try Service(
            Self.program(), ["serve", "--port", "0", "--workspace", place.workspace],
            says: #/http:\/\/127\.0\.0\.1:(\d+)/#)
        let browser = try await Browser(downloads: place.downloads)
        do {
            try await browser.open("http://127.0.0.1:\(server.port)/#\(hash)")
            try await body(browser, place)
        } catch {
            let status = try? await browser.value("location.href + ' ' + document.getElementById('status').textContent")
            Issue.record(error, "\(status ?? "")")
        }
        await browser.quit()
        server.stop()
    }

    /// Drags a slider and goes on by the keyboard; the strength that it has then.
    private func moves(_ browser: Browser) async throws -> String {
        let before = try await browser.value("document.getElementById('after').src")
        try await browser.drag(Self.first, by: 40)
        let dragged = try await browser.value("document.querySelector('\(Self.first)').value")
        #expect((Double(dragged) ?? 0) > 0.5)
        try await browser.type(Browser.Key.right + Browser.Key.right, into: Self.first)
        let moved = try await browser.value("document.querySelector('\(Self.first)').value")
        #expect(abs((Double(moved) ?? 0) - (Double(dragged) ?? 0) - 0.1) < 1e-6)
        try await browser.wait(Self.settled)
        #expect(try await browser.value("document.getElementById('after').src") != before)
        #expect(try await browser.value("document.querySelector('input[type=number][data-name=first]').value") == moved)
        #expect(try await browser.value("decodeURIComponent(location.hash)").contains("first*\(moved)"))
        return moved
    }

    /// What is downloaded is what `directions edit` writes: pixel for pixel, value for value.
    private func downloads(_ browser: Browser, _ place: Place, _ strength: String) async throws {
        try await browser.click("#save-image")
        let image = try await place.download("face.png")
        try await browser.click("#save-w")
        let w = try await place.download("code-w.npy")
        try await browser.click("#save-code")
        let wPlus = try await place.download("code-wplus.npy")
        let process = Process()
        process.executableURL = URL(filePath: try Self.program())
        process.arguments = [
            "edit", "--seed", "7", "--direction", "first", "--strength", strength, "--unit", "sigma", "--no-labels",
            "--size", "1024",
            "--out", "\(place.folder)/edit.png", "--codes-out", "\(place.folder)/edit.npy", "--workspace",
            place.workspace,
        ]
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
        let own = try Image.read("\(place.folder)/edit.png")
        #expect(try Image.decode(image, name: "face.png") == own)
        let values = try #require(FileManager.default.contents(atPath: "\(place.folder)/edit.npy")).suffix(512 * 4)
        #expect(w.suffix(512 * 4) == values)
        #expect(wPlus.suffix(18 * 512 * 4) == Data((0..<18).flatMap { _ in values }))
    }

    private func reloads(_ browser: Browser) async throws {
        let hash = try await browser.value("location.hash")
        let value = try await browser.value("document.querySelector('\(Self.first)').value")
        _ = try await browser.value("location.reload()")
        try await browser.wait("document.querySelector('\(Self.first)')?.value === '\(value)' && \(Self.settled)")
        #expect(try await browser.value("location.hash") == hash)
    }

    private func keepsHistory(_ browser: Browser) async throws {
        let value = "document.querySelector('\(Self.first)').value"
        let moved = try await browser.value(value)
        try await browser.doubleClick(Self.first)
        try await browser.wait("\(value) === '0'")
        try await browser.strike("z", holding: Browser.Key.control)
        try await browser.wait("\(value) === '\(moved)'")
        try await browser.click("#redo")
        try await browser.wait("\(value) === '0'")
        try await browser.click("#undo")
        try await browser.wait("\(value) === '\(moved)'")
        try await browser.click("#reset")
        try await browser.wait("\(value) === '0' && \(Self.settled)")
        try await browser.click("#compare")
        try await browser.wait("document.getElementById('before').naturalWidth > 0")
        try await browser.click("#compare")
        try await browser.click(".slider button:not(.lock)")
        try await browser.wait("document.documentElement.dataset.about === 'first@v1'")
        #expect(try await browser.value("document.getElementById('editor').hidden") == "true")
        try await browser.click("#show-editor")
        try await browser.wait("!document.getElementById('editor').hidden")
    }

    /// A generated face as a photograph: found, shown without a change, edited.
    private func opensPhotographs(_ browser: Browser, _ place: Place) async throws {
        try await browser.type("\(place.downloads)/face.png", into: "#file")
        try await browser.wait("location.hash.includes('photo=') && \(Self.settled)", seconds: 180)
        #expect(try await browser.value("document.getElementById('kind').value") == "photo")
        try await browser.click("#whole-label")
        try await browser.wait("location.hash.includes('whole=1') && \(Self.settled)", seconds: 180)
        try await browser.click("#save-image")
        let whole = try await place.download("photograph.png")
        #expect(try Image.decode(whole, name: "photograph") == Image.read("\(place.downloads)/face.png"))
        try await browser.type(Browser.Key.right, into: Self.first)
        try await browser.wait("location.hash.includes('first') && \(Self.settled)", seconds: 180)
        #expect(try await browser.value("document.getElementById('status').textContent") == "")
        try await browser.click("#save-film")
        let film = try await place.download("face.webp")
        #expect(film.prefix(4) == Data("RIFF".utf8) && film.range(of: Data("ANMF".utf8)) != nil)
    }

    private func fitsPhones(_ browser: Browser) async throws {
        try await browser.resize(width: 390, height: 844, isPhone: true)
        for view in ["editor", "latents", "direction"] {
            try await browser.click("#show-\(view)")
            #expect(
                try await browser.value("document.documentElement.scrollWidth <= innerWidth && innerWidth === 390")
                    == "true", "\(view)")
        }
    }
}
