import Core
import Directions
import Foundation
import Testing

/// The views beside the plain editing of a face, in a real browser.
extension EditorTests {
    private static let isSkipped = Comment(
        "Chromium, chromedriver or the generator wheel is absent; `make test-browser`")

    @Test(.enabled(if: isReady, isSkipped), .timeLimit(.minutes(20)))
    func peopleLookAround() async throws {
        try await visit("view=latents", faces: 24) { browser, place in
            try await browsesLatents(browser)
            try await readsDirections(browser)
            try await keepsFaces(browser)
            try await comparesAndHolds(browser)
            try await storesMixes(browser, place)
            try await isReadableByAll(browser)
        }
    }

    @Test(.enabled(if: isReady, isSkipped), .timeLimit(.minutes(20)))
    func peopleColourPhotographs() async throws {
        try await visit("kind=seed&number=3") { browser, place in
            try await browser.wait(Self.settled, seconds: 120)
            try await browser.click("#save-image")
            _ = try await place.download("face.png")
            let grey = try grey(of: "\(place.downloads)/face.png", in: place)
            try await opensInThreeWays(browser, grey)
            try await staysGrey(browser, place)
            try await colours(browser, place)
        }
    }

    private func text(_ browser: Browser, _ id: String) async throws -> String {
        try await browser.value("document.getElementById('\(id)').textContent")
    }

    // MARK: Latents

    private func browsesLatents(_ browser: Browser) async throws {
        let cells = "document.querySelectorAll('#grid > div').length"
        let bars = "document.querySelectorAll('#histogram svg[aria-label]').length"
        try await browser.wait("\(cells) === 24 && \(bars) === 1", seconds: 120)
        #expect(try await text(browser, "answer") == "24 faces")
        // Scores stand under each face, whatever was asked.
        let told = try await browser.value("document.querySelector('#grid > div > button').textContent")
        #expect(told.contains(#/smiling \d\.\d\dmale \d\.\d\dyoung \d\.\d\d$/#), "\(told)")
        try await browser.type("male > 0.0001 and young > 0", into: "#filter")
        try await browser.type("male" + Browser.Key.enter, into: "#order")
        try await browser.wait("location.hash.includes('order=male') && \(bars) === 2", seconds: 120)
        let scores = try await browser.value(
            "[...document.querySelectorAll('#grid > div > button:first-child')].map((b) => /male ([\\d.]+)/.exec(b.textContent)[1])"
        ).split(separator: ",").compactMap { Double($0) }
        #expect(scores.count > 1 && scores == scores.sorted(by: >))
        try await browser.wait("document.querySelector('#grid img').naturalWidth > 0", seconds: 60)
        let hash = try await browser.value("location.hash")
        _ = try await browser.value("document.getElementById('grid').replaceChildren()")
        _ = try await browser.value("location.reload()")
        try await browser.wait("\(cells) === \(scores.count)", seconds: 120)
        #expect(try await browser.value("location.hash") == hash)
        #expect(try await browser.value("document.getElementById('filter').value") == "male > 0.0001 and young > 0")

        _ = try await browser.value(
            "(() => { const s = document.getElementById('spread'); s.value = 'smiling'; s.dispatchEvent(new Event('change')); })()"
        )
        try await browser.wait(
            "document.querySelector('#histogram svg')?.getAttribute('aria-label').startsWith('smiling: 24 scored faces')"
        )
        // The nearest of all is the face itself.
        let first = try await browser.value(
            "document.querySelector('#grid > div > button').textContent.match(/\\d+/)[0]")
        try await browser.click("#grid .near")
        try await browser.wait("location.hash.includes('near=\(first)') && \(cells) === 24", seconds: 120)
        #expect(try await text(browser, "answer").hasSuffix("nearest to latent \(first) first"))
        #expect(
            try await browser.value("document.querySelector('#grid > div > button').textContent").hasPrefix(
                "latent \(first)cosine 1.00"))
        // The keyboard stays where it was, though all faces are others.
        #expect(try await browser.value("document.activeElement === document.querySelector('#grid .near')") == "true")
        _ = try await browser.value("history.back()")
        try await browser.wait("location.hash === '\(hash)' && \(cells) === \(scores.count)", seconds: 120)
        // What makes no sense is said where it was asked.
        try await browser.type(" and", into: "#filter")
        try await browser.click("#ask button")
        try await browser.wait("document.getElementById('answer').classList.contains('error') && \(cells) === 0")
        _ = try await browser.value("history.back()")
        try await browser.wait("\(cells) === \(scores.count) && !document.querySelector('#answer.error')", seconds: 120)
        try await browser.click("#grid > div > button")
        #expect(try await browser.value("document.activeElement.id") == "show-editor")
        try await browser.wait("!document.getElementById('editor').hidden && \(Self.settled)", seconds: 120)
        #expect(try await browser.value("document.getElementById('kind').value") == "latent")
        #expect(try await browser.value("document.getElementById('number').value") == first)
    }

    // MARK: Directions

    private func readsDirections(_ browser: Browser) async throws {
        try await browser.click(".slider button:not(.lock)")
        try await browser.wait("document.documentElement.dataset.about === 'first@v2'", seconds: 60)
        #expect(try await browser.value("location.hash").contains("about=first"))
        // Two versions on the face of the editor, and the newest on two more.
        let pictures = "[...document.querySelectorAll('.faces img')]"
        try await browser.wait(
            "\(pictures).length === 20 && \(pictures).every((i) => i.naturalWidth > 0)", seconds: 180)
        #expect(try await browser.value("document.querySelectorAll('.plots svg[aria-label]').length") == "3")
        #expect(try await browser.value("document.querySelector('.entangled .score').textContent") == "Smiling+1.90")
        let versions = try await browser.value(
            "[...document.querySelectorAll('h2')].find((h) => h.textContent === 'Versions side by side').nextSibling.textContent"
        )
        #expect(versions.contains("v1v2") && versions.contains("0.50 (0.40 … 0.60)"), "\(versions)")
        _ = try await browser.value(
            "(() => { const s = document.getElementById('direction-version'); s.value = '1'; s.dispatchEvent(new Event('change')); })()"
        )
        try await browser.wait("document.documentElement.dataset.about === 'first@v1'", seconds: 60)
        #expect(try await text(browser, "direction-body").contains("Not measured yet"))
        _ = try await browser.value("location.reload()")
        try await browser.wait("document.documentElement.dataset.about === 'first@v1'", seconds: 60)
        try await browser.click("#show-editor")
        try await browser.wait("!document.getElementById('editor').hidden")
    }

    // MARK: The editor's bars

    private func keepsFaces(_ browser: Browser) async throws {
        let count = { (id: String) in "document.querySelectorAll('#\(id) button').length" }
        try await browser.click("#dice")
        try await browser.wait("document.getElementById('kind').value === 'seed' && \(Self.settled)", seconds: 120)
        try await browser.type(String(repeating: Browser.Key.right, count: 10), into: Self.first)
        try await browser.wait("\(Self.settled) && \(count("strengths")) === 5", seconds: 120)
        let kept = try await browser.value("document.documentElement.dataset.full")
        #expect(kept.contains("first*0.5") || kept.contains("first*0.5".replacing("*", with: "%2A")))
        try await browser.click("#favourite")
        try await browser.wait(
            "\(count("favourites")) === 1 && document.querySelector('#favourite[aria-pressed=true]')", seconds: 60)
        #expect(
            try await browser.value("document.getElementById('strengths').getAttribute('aria-label')").hasSuffix(
                "first"))
        _ = try await browser.value(
            "(() => { const one = document.querySelector('#strengths button:last-child'); one.id = 'old'; one.focus(); })()"
        )
        try await browser.strike(Browser.Key.enter)
        try await browser.wait("document.querySelector('\(Self.first)').value === '2' && \(Self.settled)", seconds: 120)
        // The keyboard is not thrown out by a strip that is filled anew.
        try await browser.wait("!document.getElementById('old')", seconds: 60)
        #expect(
            try await browser.value("document.activeElement === document.querySelector('#strengths button:last-child')")
                == "true")
        #expect(try await browser.value("document.querySelector('#favourite[aria-pressed=true]') === null") == "true")
        _ = try await browser.value("location.reload()")
        try await browser.wait(
            "\(count("favourites")) === 1 && \(Self.settled) && \(count("strengths")) === 5", seconds: 120)
        try await browser.click("#favourites button")
        try await browser.wait("document.documentElement.dataset.full === '\(kept)'", seconds: 120)
        try await browser.wait("\(count("history")) === 2", seconds: 60)
        try await browser.click("#history button")
        try await browser.wait("document.querySelector('\(Self.first)').value === '2' && \(Self.settled)", seconds: 120)
        try await browser.click("#undo")
        try await browser.wait("document.documentElement.dataset.full === '\(kept)'", seconds: 120)
        try await browser.click("#favourite")
        try await browser.wait("\(count("favourites")) === 0")
        // Bars: ten attributes, before and after.
        try await browser.wait("document.querySelectorAll('#scores .score').length === 10", seconds: 120)
        #expect(
            try await browser.value(
                "document.querySelector('#scores .score').textContent.match(/\\d+ → \\d+ %/) !== null")
                == "true")
    }

    private func comparesAndHolds(_ browser: Browser) async throws {
        try await browser.click("#compare")
        try await browser.wait(
            "location.hash.includes('split=50') && document.getElementById('before').naturalWidth > 0", seconds: 120)
        try await browser.drag("#split", by: 60)
        let split = try await browser.value("document.getElementById('split').value")
        #expect((Int(split) ?? 0) > 52)
        #expect(try await browser.value("location.hash").contains("split=\(split)"))
        _ = try await browser.value("location.reload()")
        try await browser.wait(
            "!document.getElementById('divider').hidden && document.getElementById('divider').style.left === '\(split)%'",
            seconds: 60)
        try await browser.click("#compare")
        #expect(try await browser.value("location.hash.includes('split')") == "false")

        let lock = ".lock[data-lock=second]"
        try await browser.click(lock)
        try await browser.wait(
            "location.hash.includes('locked=second') && document.querySelector('\(lock)').getAttribute('aria-pressed') === 'true'"
        )
        try await browser.wait(Self.settled, seconds: 120)
        try await browser.click(lock)
        // What is no range of layers is refused where it stands.
        try await browser.type("x" + Browser.Key.tab, into: "#layers")
        #expect(try await browser.value("location.hash.includes('layers')") == "false")
        #expect(try await browser.value("document.getElementById('layers').matches(':invalid')") == "true")
        try await browser.type(Browser.Key.backspace + "0-3" + Browser.Key.tab, into: "#layers")
        try await browser.wait("location.hash.includes('layers=0-3') && \(Self.settled)", seconds: 120)
        try await browser.type(String(repeating: Browser.Key.left, count: 20), into: "#psi")
        try await browser.wait("location.hash.includes('psi=0.8') && \(Self.settled)", seconds: 120)
        #expect(try await text(browser, "psi-value") == "0.80")
        _ = try await browser.value(
            "(() => { const s = document.getElementById('unit'); s.value = 'raw'; s.dispatchEvent(new Event('change')); })()"
        )
        // A sigma of both directions is 4.
        try await browser.wait(
            "location.hash.includes('unit=raw') && Number(document.querySelector('\(Self.first)').value) === 2 && \(Self.settled)",
            seconds: 120)
        try await browser.type("1.5" + Browser.Key.enter, into: "input[type=number][data-name=second]")
        try await browser.wait(
            "decodeURIComponent(location.hash).includes('second*1.5') && \(Self.settled)", seconds: 120)
    }

    private func storesMixes(_ browser: Browser, _ place: Place) async throws {
        try await browser.click("#save-mix")
        try await browser.wait("document.getElementById('mix').open")
        try await browser.type("own_", into: "#mix-name")
        try await browser.click("#mix-form button[value=store]")
        let file = try await place.download("own_mix-v1.safetensors")
        #expect(try file == AtomicFile.read("\(place.workspace)/directions/own_mix/v1.safetensors"))
        try await browser.wait("document.querySelector('input[data-name=own_mix]') !== null")
        let stored = try Session(workspace: Workspace(place.workspace)).show("own_mix")
        #expect(
            stored.texts["mix"] == "first@v2*2.0+second@v1*1.5" && stored.texts["mix_layers"] == "0-3",
            "\(stored.texts)")
        try await browser.click("#save-film")
        let film = try await place.download("face.webp")
        #expect(film.prefix(4) == Data("RIFF".utf8) && film.range(of: Data("ANMF".utf8)) != nil)
    }

    // MARK: For all

    private func isReadableByAll(_ browser: Browser) async throws {
        // By the keyboard alone: from the top to the second view, with a ring to be seen.
        try await browser.click("h1")
        for _ in 0..<2 { try await browser.strike(Browser.Key.tab) }
        #expect(try await browser.value("document.activeElement.id") == "show-latents")
        #expect(try await browser.value("getComputedStyle(document.activeElement).outlineStyle") == "solid")
        try await browser.strike(Browser.Key.enter)
        try await browser.wait(
            "!document.getElementById('latents').hidden && document.querySelector('#grid button')", seconds: 60)
        for scheme in ["light", "dark"] {
            try await browser.prefer(scheme)
            for view in ["latents", "direction", "editor"] {
                try await browser.click("#show-\(view)")
                if view == "direction" {
                    try await browser.wait("document.querySelector('.entangled, #direction-body table')", seconds: 60)
                }
                #expect(try await browser.value(Audit.contrast) == "", "\(scheme), \(view)")
                #expect(try await browser.value(Audit.names) == "", "\(scheme), \(view)")
            }
            try await browser.click("#save-mix")
            #expect(try await browser.value(Audit.contrast) == "", "\(scheme), dialog")
            try await browser.click("#mix-form button[formnovalidate]")
        }
    }

    // MARK: Photographs

    /// A picture without its colours, as a file of its own.
    private func grey(of path: String, in place: Place) throws -> String {
        var picture = try Image.read(path)
        for at in stride(from: 0, to: picture.pixels.count, by: 3) {
            picture.pixels[at] = picture.pixels[at + 1]
            picture.pixels[at + 2] = picture.pixels[at + 1]
        }
        let file = "\(place.folder)/grey.png"
        try picture.encodedPNG().write(to: URL(filePath: file))
        return file
    }

    /// Chosen, pasted and dropped.
    private func opensInThreeWays(_ browser: Browser, _ grey: String) async throws {
        let photo = { "new URLSearchParams(location.hash.slice(1)).get('photo')" }()
        _ = try await browser.value(
            """
            (fetch("/api/synth", {
              method: "POST", headers: { "Content-Type": "application/json" }, body: '{"seed": 3, "size": 512}',
            }).then((a) => a.blob()).then((blob) => {
              const data = new DataTransfer();
              data.items.add(new File([blob], "pasted.jpg", { type: "image/jpeg" }));
              document.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true }));
            }), 1)
            """)
        try await browser.wait("\(photo) && \(Self.settled)", seconds: 180)
        let pasted = try await browser.value(photo)
        #expect(try await text(browser, "colour") == "Colorize anew")
        try await browser.drop(grey)
        try await browser.wait("\(photo) !== '\(pasted)' && \(Self.settled)", seconds: 180)
        #expect(try await browser.value(photo) == String(Hashing.sha256(AtomicFile.read(grey)).prefix(16)))
        try await browser.wait("document.getElementById('colour').textContent === 'Colorize'")
        try await browser.wait("document.getElementById('near').textContent.includes('LPIPS')", seconds: 60)
    }

    /// An edit gives a grey photograph no colours; a file that is no picture is told.
    private func staysGrey(_ browser: Browser, _ place: Place) async throws {
        try await browser.type(String(repeating: Browser.Key.right, count: 20), into: Self.first)
        try await browser.wait("location.hash.includes('first') && \(Self.settled)", seconds: 180)
        try await browser.click("#save-image")
        let edited = try await place.download("photograph.png")
        try FileManager.default.removeItem(atPath: "\(place.downloads)/photograph.png")
        let picture = try Image.decode(edited, name: "photograph")
        #expect(try picture != Image.read("\(place.folder)/grey.png"))
        let pixels = picture.pixels
        let isGrey = stride(from: 0, to: pixels.count, by: 3).allSatisfy { at in
            Set(pixels[at..<at + 3]).count == 1
        }
        #expect(isGrey)
        try await browser.click("#reset")
        let text = "\(place.folder)/text.jpg"
        try Data("no picture".utf8).write(to: URL(filePath: text))
        try await browser.wait(Self.settled, seconds: 120)
        try await browser.drop(text)
        try await browser.wait("document.querySelector('#status.error')?.textContent.includes('neither a PNG')")
    }

    private func colours(_ browser: Browser, _ place: Place) async throws {
        let photo = "new URLSearchParams(location.hash.slice(1)).get('photo')"
        var seen = [try await browser.value(photo)]
        func isNew() async throws {
            try await browser.wait("!\(seen).includes(\(photo)) && \(Self.settled)", seconds: 300)
            seen.append(try await browser.value(photo))
        }
        try await browser.click("#colour")
        try await isNew()
        // A palette that is none is told, and nothing is coloured.
        try await browser.type("red", into: "#palette")
        try await browser.click("#variant")
        try await browser.wait("document.getElementById('status').textContent.includes('is not #rrggbb')", seconds: 60)
        try await browser.type(
            String(repeating: Browser.Key.backspace, count: 3) + "#5a3b2a, #c9a27e", into: "#palette")
        try await browser.click("#variant")
        try await isNew()
        try await browser.type("\(place.downloads)/face.png", into: "#reference-file")
        try await isNew()
        // The address of a photograph that is held brings it back.
        let last = try #require(seen.last)
        try await browser.wait("document.getElementById('status').textContent === ''")
        _ = try await browser.value("location.reload()")
        try await browser.wait("\(photo) === '\(last)' && \(Self.settled)", seconds: 120)
        try await browser.click("#whole-label")
        try await browser.wait("location.hash.includes('whole=1') && \(Self.settled)", seconds: 120)
        try await browser.click("#save-image")
        let whole = try Image.decode(await place.download("photograph.png"), name: "photograph")
        let own = try Image.read("\(place.folder)/grey.png")
        #expect((whole.width, whole.height) == (own.width, own.height))
        // Coloured: its channels differ, which the grey picture's don't.
        #expect(
            stride(from: 0, to: whole.pixels.count, by: 3).contains {
                abs(Int(whole.pixels[$0]) - Int(whole.pixels[$0 + 2])) > 16
            })
    }
}
