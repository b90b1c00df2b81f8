import Core
import Foundation
import Testing
import Weights

/// Other tools' directions: what their names say, whether they do anything, and arrays that are none.
@Suite struct ImportedDirectionTests {
    private let folder = Program.Folder()

    private func run(_ words: [String], status: Int32 = 0) throws -> Program.Result {
        let result = try Program.run(words, workspace: folder.path)
        #expect(result.status == status, "\(words): \(result.errors)")
        return result
    }

    private func run(_ line: String, status: Int32 = 0) throws -> Program.Result {
        try run(line.split(separator: " ").map(String.init), status: status)
    }

    /// An array of seeded random numbers in a file of the folder.
    private func array(_ name: String, _ shape: [Int], seed: UInt64 = 3, scale: Float = 1) throws -> String {
        var random = CounterRandom(seed: seed, domain: 1)
        let values = (0..<shape.reduce(1, *)).map { _ in scale * (Float(random.next() % 2001) / 1000 - 1) }
        let path = "\(folder.path)/\(name)"
        try NumpyFile.write(TensorData(values, shape: shape), to: path)
        return path
    }

    private func texts(_ direction: String) throws -> [String: String] {
        let output = try run("show \(direction) --json").output
        return try #require(JSONSerialization.jsonObject(with: Data(output.utf8)) as? [String: String])
    }

    @Test(.enabled(if: Program.wheel != nil, "the generator wheel is absent; `make setup` fetches it"))
    func aBoundaryThatDoesNothingIsToldAtImportAndWhenMeasured() throws {
        _ = try run(["import", "default", "--wheel", Program.wheel ?? ""])
        let file = try array("stylegan_ffhq_smile_boundary.npy", [1, 512])
        let imported = try run("import \(file) --as direction").errors
        #expect(imported.contains("by its name a direction of StyleGAN 1"), "\(imported)")
        #expect(imported.contains("of Z, before the mapping network"), "\(imported)")
        #expect(imported.contains("the logit of Smiling by"), "\(imported)")
        #expect(imported.contains("no more for Smiling than a random direction"), "\(imported)")
        let name = "stylegan_ffhq_smile_boundary"
        let stored = try texts(name)
        #expect(stored["source_name_says"] == "StyleGAN 1, FFHQ, space z")
        #expect(stored["response_attribute"] == "Smiling" && stored["response_faces"] == "16")
        let response = try #require(Double(stored["response"] ?? ""))
        #expect(try run("verify \(name)").output.contains("\(name): ok"))
        let measured = try run("verify \(name) --measure", status: 1)
        #expect(measured.output.contains("at its import \(response)"), "\(measured.output)")
        #expect(measured.output.contains("no more for Smiling than a random direction"), "\(measured.output)")
        // Of an attribute that nothing scores nothing is measured, and who does not want it has it not.
        let own = try array("own.npy", [512], seed: 4)
        #expect(try run("import \(own) --as direction").errors.isEmpty)
        #expect(try texts("own")["response"] == nil)
        #expect(try run("verify own --measure").output.contains("no attribute that is known"))
        #expect(try run("import \(own) --as direction --attr smiling --no-measure").errors.isEmpty)
        #expect(try texts("smiling")["response"] == nil)
        // The shape of W+ is that of StyleGAN2 at 1024 pixels.
        _ = try run("import \(try array("deep.npy", [18, 512], seed: 5)) --as direction")
        try refusesCodes(rows: 18)
    }

    /// Codes of W of the generator `default` are no directions, one or as many as W+ has rows.
    private func refusesCodes(rows: Int) throws {
        _ = try run("sample --count 40")
        _ = try run(["query", "id >= 0", "--codes-out", "\(folder.path)/w.npy"])
        let codes = try NumpyFile.read("\(folder.path)/w.npy")
        let values = try codes.floats()
        let size = try #require(codes.shape.last)
        for shape in [[10, size], [rows, size], [1, size], [size]] {
            let path = "\(folder.path)/codes.npy"
            let count = shape.reduce(1, *)
            try NumpyFile.write(TensorData(Array(values.prefix(count)), shape: shape), to: path)
            let refused = try run("import \(path) --as direction --attr codes", status: 1).errors
            #expect(refused.contains("of W of generator default, not a direction"), "\(shape): \(refused)")
            // The difference of two codes is one.
            let apart = (0..<count).map { values[$0] - values[values.count - 1 - count + $0] }
            guard shape.first != 10 || rows == 10 else { continue }
            try NumpyFile.write(TensorData(apart, shape: shape), to: path)
            _ = try run("import \(path) --as direction --attr apart --no-measure")
        }
        #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/directions/codes"))
    }

    @Test func rowsThatTheGeneratorHasNotAreRefusedAtImport() throws {
        _ = try run("import \(Program.root)/Tests/Fixtures/stylegan2/ada-skip.pkl --name default")
        let model = try JSONSerialization.jsonObject(with: AtomicFile.read(folder.path + "/models/default/model.json"))
        let identity = try #require(model as? [String: Any])
        let size = try #require(identity["latentSize"] as? Int)
        let rows = try #require(identity["styleGAN2Layers"] as? Int)
        for wrong in [18, 40] where wrong != rows {
            let path = try array("rows-\(wrong).npy", [wrong, size], scale: 0.01)
            let refused = try run("import \(path) --as direction", status: 1).errors
            #expect(refused.contains("has \(wrong) rows") && refused.contains("has \(rows)"), "\(refused)")
        }
        _ = try run("import \(try array("fits.npy", [rows, size], scale: 0.01)) --as direction")
        #expect(!FileManager.default.fileExists(atPath: "\(folder.path)/directions/rows-18"))
        _ = try run("edit --direction fits --seed 1 --strength 1 --out \(folder.path)/a.png")
    }
}
