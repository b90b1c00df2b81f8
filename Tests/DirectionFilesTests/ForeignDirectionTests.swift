import Core
import DirectionFiles
import Foundation
import Testing
import Weights

@Suite struct ForeignDirectionTests {
    @Test(arguments: ForeignDirection.Format.allCases) func `exports are imported with the same values`(
        _ format: ForeignDirection.Format
    ) throws {
        let directions = [try Samples.direction("eyeglasses", seed: 1), try Samples.direction("male", seed: 2)]
        let files = try ForeignDirection.export(directions, as: format, stem: "default")
        #expect(files.count == (format == .npz ? 1 : 2))
        if format == .npy {
            #expect(files.keys.sorted()[0] == "default_eyeglasses_c_male_young_w_boundary.npy")
        }
        try Samples.inFolder { folder in
            var read: [ForeignDirection] = []
            for (name, data) in files.sorted(by: { $0.key < $1.key }) {
                try AtomicFile.write(data, to: "\(folder)/\(name)")
                read += try ForeignDirection.read("\(folder)/\(name)")
            }
            #expect(read.count == 2)
            for (foreign, direction) in zip(read, directions) {
                #expect(foreign.rows == 1)
                #expect(zip(foreign.values, direction.values).allSatisfy { abs($0 - $1) < 1e-7 })
                #expect(abs(foreign.length - 1) < 1e-6)
            }
        }
    }

    @Test func `shapes of other tools`() throws {
        let row = Samples.vector(1).map { $0 * 3 }
        let rows = (0..<18).flatMap { Samples.vector(UInt64($0)) }
        try Samples.inFolder { folder in
            func read(_ values: [Float], _ shape: [Int]) throws -> ForeignDirection {
                let path = "\(folder)/x.npy"
                try NumpyFile.write(TensorData(values, shape: shape), to: path)
                return try #require(ForeignDirection.read(path).first)
            }
            for shape in [[512], [1, 512], [1, 1, 512]] {
                let direction = try read(row, shape)
                #expect(direction.rows == 1 && abs(direction.length - 3) < 1e-5 && direction.name == "x")
                #expect(abs(direction.values.reduce(0) { $0 + $1 * $1 } - 1) < 1e-5)
            }
            for shape in [[18, 512], [1, 18, 512]] {
                let direction = try read(rows, shape)
                #expect(direction.rows == 18 && abs(direction.length - 1) < 1e-5)
            }
            let repeated = (0..<18).flatMap { _ in row }
            #expect(try read(repeated, [18, 512]).rows == 1)
            for (values, shape) in [
                ([Float](repeating: 0, count: 512), [512]), (row, [2, 1, 256]), ([.nan] + row.dropFirst(), [512]),
                ([1], [1]),
            ] {
                #expect(throws: Failure.self) { try read(values, shape) }
            }
        }
    }

    @Test func `unknown endings are refused`() throws {
        try Samples.inFolder { folder in
            try AtomicFile.write("x", to: folder + "/x.pkl")
            #expect(Samples.problem { _ = try ForeignDirection.read(folder + "/x.pkl") }.contains("ending"))
        }
    }
}
