import Core
import Foundation

/// Headless Chromium, driven by chromedriver over the WebDriver protocol.
final class Browser: Sendable {
    /// Keys as WebDriver writes them.
    enum Key {
        static let control = "\u{E009}"
        static let right = "\u{E014}"
        static let left = "\u{E012}"
        static let tab = "\u{E004}"
        static let enter = "\u{E007}"
        static let backspace = "\u{E003}"
    }

    private let driver: Service
    private let session: String

    /// chromedriver, or nil where it or the browser is not installed.
    static let paths: (driver: String, chromium: String)? = {
        let folders = ["/usr/bin", "/usr/local/bin"]
        func find(_ names: [String]) -> String? {
            names.flatMap { name in folders.map { "\($0)/\(name)" } }.first {
                FileManager.default.isExecutableFile(atPath: $0)
            }
        }
        guard let driver = find(["chromedriver"]), let chromium = find(["chromium", "google-chrome"]) else {
            return nil
        }
        return (driver, chromium)
    }()

    /// Starts a browser.
    ///
    /// - Parameter downloads: The folder that downloads go to.
    /// - Throws: `Failure` when there is none, or it does not start.
    init(downloads: String) async throws {
        guard let paths = Browser.paths else { throw Failure("chromedriver", "is not installed") }
        driver = try Service(paths.driver, ["--port=0"], says: #/started successfully on port (\d+)/#)
        let options: [String: Any] = [
            "binary": paths.chromium,
            "args": [
                "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--window-size=1440,900",
            ],
            "prefs": [
                "download.default_directory": downloads, "download.prompt_for_download": false,
                "profile.default_content_setting_values.automatic_downloads": 1,
            ],
        ]
        let made = try await Browser.call(
            driver.port, "POST", "/session",
            ["capabilities": ["alwaysMatch": ["browserName": "chrome", "goog:chromeOptions": options]]])
        session = (made as? [String: Any])?["sessionId"] as? String ?? ""
    }

    /// Ends it.
    func quit() async {
        _ = try? await Browser.call(driver.port, "DELETE", "/session/\(session)", nil)
        driver.stop()
    }

    private static func call(_ port: Int, _ method: String, _ path: String, _ body: [String: Any]?) async throws -> Any
    {
        let content = method == "POST" ? try JSONSerialization.data(withJSONObject: body ?? [:]) : Data()
        let data = try Wire.ask(port, "\(method) \(path)", content)
        let value = (try JSONSerialization.jsonObject(with: data) as? [String: Any])?["value"] ?? NSNull()
        if let error = (value as? [String: Any])?["error"] as? String {
            throw Failure("browser", "says \(error): \((value as? [String: Any])?["message"] ?? "")")
        }
        return value
    }

    @discardableResult
    private func call(_ path: String, _ body: [String: Any] = [:]) async throws -> Any {
        try await Browser.call(driver.port, "POST", "/session/\(session)\(path)", body)
    }

    /// Opens an address.
    func open(_ address: String) async throws { try await call("/url", ["url": address]) }

    /// What an expression of JavaScript comes to, as text.
    func value(_ expression: String) async throws -> String {
        try await call("/execute/sync", ["script": "return String(\(expression))", "args": [] as [String]]) as? String
            ?? ""
    }

    /// Waits until an expression is true.
    func wait(_ expression: String, seconds: Double = 30) async throws {
        let end = Date(timeIntervalSinceNow: seconds)
        while try await value("Boolean(\(expression))") != "true" {
            guard Date() < end else { throw Failure(expression, "did not come true in \(seconds) seconds") }
            try await Task.sleep(for: .milliseconds(40))
        }
    }

    private func element(_ selector: String) async throws -> String {
        let found = try await call("/element", ["using": "css selector", "value": selector]) as? [String: Any]
        return found?["element-6066-11e4-a52e-4f735466cecf"] as? String ?? ""
    }

    /// Clicks as a person does: what is covered or out of sight can't be clicked.
    func click(_ selector: String) async throws { try await call("/element/\(element(selector))/click") }

    /// Types into an element, or gives a file input a path.
    func type(_ text: String, into selector: String) async throws {
        try await call("/element/\(element(selector))/value", ["text": text])
    }

    /// Strikes one key, wherever the focus is.
    func strike(_ key: String) async throws {
        try await act([
            [
                "type": "key", "id": "keyboard",
                "actions": [["type": "keyDown", "value": key], ["type": "keyUp", "value": key]],
            ]
        ])
    }

    /// Holds one key and strikes another.
    func strike(_ key: String, holding held: String) async throws {
        let keys = [("keyDown", held), ("keyDown", key), ("keyUp", key), ("keyUp", held)]
        try await act([
            ["type": "key", "id": "keyboard", "actions": keys.map { ["type": $0.0, "value": $0.1] }]
        ])
    }

    /// Drags from an element's middle by pixels to the right, in a few steps.
    func drag(_ selector: String, by pixels: Int) async throws {
        let origin = ["element-6066-11e4-a52e-4f735466cecf": try await element(selector)]
        var moves: [[String: Any]] = [
            ["type": "pointerMove", "origin": origin, "x": 0, "y": 0, "duration": 0],
            ["type": "pointerDown", "button": 0],
        ]
        for _ in 0..<5 {
            moves.append(["type": "pointerMove", "origin": "pointer", "x": pixels / 5, "y": 0, "duration": 40])
        }
        try await act([["type": "pointer", "id": "mouse", "actions": moves + [["type": "pointerUp", "button": 0]]]])
    }

    /// Clicks twice.
    func doubleClick(_ selector: String) async throws {
        let origin = ["element-6066-11e4-a52e-4f735466cecf": try await element(selector)]
        let clicks: [[String: Any]] = [["type": "pointerDown", "button": 0], ["type": "pointerUp", "button": 0]]
        try await act([
            [
                "type": "pointer", "id": "mouse",
                "actions": [["type": "pointerMove", "origin": origin, "x": 0, "y": 0, "duration": 0]] + clicks + clicks,
            ]
        ])
    }

    private func act(_ actions: [[String: Any]]) async throws {
        try await call("/actions", ["actions": actions])
        _ = try? await Browser.call(driver.port, "DELETE", "/session/\(session)/actions", nil)
    }

    /// Shows the page as a screen of another size does.
    func resize(width: Int, height: Int, isPhone: Bool) async throws {
        let metrics: [String: Any] = ["width": width, "height": height, "deviceScaleFactor": 1, "mobile": isPhone]
        try await tell("Emulation.setDeviceMetricsOverride", metrics)
    }

    /// Shows the page as for who prefers dark pages, or light ones.
    func prefer(_ scheme: String) async throws {
        try await tell(
            "Emulation.setEmulatedMedia", ["features": [["name": "prefers-color-scheme", "value": scheme]]])
    }

    /// Drops a file onto the page, as from a folder's window.
    func drop(_ file: String) async throws {
        let data: [String: Any] = ["items": [[String: Any]](), "files": [file], "dragOperationsMask": 1]
        for type in ["dragEnter", "dragOver", "drop"] {
            try await tell("Input.dispatchDragEvent", ["type": type, "x": 300, "y": 300, "data": data])
        }
    }

    /// A command of the DevTools protocol.
    private func tell(_ command: String, _ parameters: [String: Any]) async throws {
        try await call("/goog/cdp/execute", ["cmd": command, "params": parameters])
    }
}
