import Foundation

/// Three rows of three.
struct Matrix3: Sendable {
    let rows: (SIMD3<Double>, SIMD3<Double>, SIMD3<Double>)

    init(_ a: SIMD3<Double>, _ b: SIMD3<Double>, _ c: SIMD3<Double>) { rows = (a, b, c) }

    func product(_ x: SIMD3<Double>) -> SIMD3<Double> {
        SIMD3((rows.0 * x).sum(), (rows.1 * x).sum(), (rows.2 * x).sum())
    }

    func transposeProduct(_ y: SIMD3<Double>) -> SIMD3<Double> { rows.0 * y.x + rows.1 * y.y + rows.2 * y.z }

    /// The inverse, by cofactors.
    var inverse: Matrix3 {
        func cross(_ a: SIMD3<Double>, _ b: SIMD3<Double>) -> SIMD3<Double> {
            SIMD3(a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x)
        }
        let (p, q, r) = (cross(rows.1, rows.2), cross(rows.2, rows.0), cross(rows.0, rows.1))
        let determinant = (rows.0 * p).sum()
        return Matrix3(
            SIMD3(p.x, q.x, r.x) / determinant, SIMD3(p.y, q.y, r.y) / determinant, SIMD3(p.z, q.z, r.z) / determinant)
    }
}

/// CIE Lab of one sRGB colour in 0…1, and back, each with its adjoint (CIE 15; IEC 61966-2-1).
enum Lab {
    /// Linear RGB to X, Y, Z over D65's white, so that white is (1, 1, 1).
    private static let toXYZ: Matrix3 = {
        let m = Matrix3(
            SIMD3(0.4124564, 0.3575761, 0.1804375), SIMD3(0.2126729, 0.7151522, 0.0721750),
            SIMD3(0.0193339, 0.1191920, 0.9503041))
        return Matrix3(m.rows.0 / m.rows.0.sum(), m.rows.1 / m.rows.1.sum(), m.rows.2 / m.rows.2.sum())
    }()
    private static let fromXYZ = toXYZ.inverse
    /// The cube roots to L, a, b, less 16 in L.
    private static let toLab = Matrix3(SIMD3(0, 116, 0), SIMD3(500, -500, 0), SIMD3(0, 200, -200))
    private static let fromLab = Matrix3(
        SIMD3(1.0 / 116, 1.0 / 500, 0), SIMD3(1.0 / 116, 0, 0), SIMD3(1.0 / 116, 0, -1.0 / 200))

    static func fromSRGB(_ rgb: SIMD3<Double>) -> SIMD3<Double> {
        let lab = toLab.product(toXYZ.product(rgb.map(decode)).map(root))
        return SIMD3(lab.x - 16, lab.y, lab.z)
    }

    static func fromSRGBBackward(_ rgb: SIMD3<Double>, _ gradient: SIMD3<Double>) -> SIMD3<Double> {
        let xyz = toXYZ.product(rgb.map(decode))
        let linear = toXYZ.transposeProduct(toLab.transposeProduct(gradient) * xyz.map(rootSlope))
        return linear * rgb.map(decodeSlope)
    }

    static func toSRGB(_ lab: SIMD3<Double>) -> SIMD3<Double> {
        fromXYZ.product(roots(lab).map(cube)).map(encode)
    }

    static func toSRGBBackward(_ lab: SIMD3<Double>, _ gradient: SIMD3<Double>) -> SIMD3<Double> {
        let roots = roots(lab)
        let linear = fromXYZ.product(roots.map(cube))
        return fromLab.transposeProduct(
            fromXYZ.transposeProduct(gradient * linear.map(encodeSlope)) * roots.map(cubeSlope))
    }

    private static func roots(_ lab: SIMD3<Double>) -> SIMD3<Double> {
        fromLab.product(SIMD3(lab.x + 16, lab.y, lab.z))
    }

    // sRGB's transfer: a line near black, else a power.
    private static func decode(_ x: Double) -> Double { x <= 0.04045 ? x / 12.92 : pow((x + 0.055) / 1.055, 2.4) }
    private static func decodeSlope(_ x: Double) -> Double {
        x <= 0.04045 ? 1 / 12.92 : 2.4 / 1.055 * pow((x + 0.055) / 1.055, 1.4)
    }
    private static func encode(_ x: Double) -> Double { x <= 0.0031308 ? 12.92 * x : 1.055 * pow(x, 1 / 2.4) - 0.055 }
    private static func encodeSlope(_ x: Double) -> Double {
        x <= 0.0031308 ? 12.92 : 1.055 / 2.4 * pow(x, 1 / 2.4 - 1)
    }

    // Lab's cube root: a line below (6/29)³.
    private static let edge = 6.0 / 29
    private static func root(_ t: Double) -> Double {
        t > edge * edge * edge ? cbrt(t) : t / (3 * edge * edge) + 4.0 / 29
    }
    private static func rootSlope(_ t: Double) -> Double {
        t > edge * edge * edge ? 1 / (3 * pow(cbrt(t), 2)) : 1 / (3 * edge * edge)
    }
    private static func cube(_ f: Double) -> Double { f > edge ? f * f * f : 3 * edge * edge * (f - 4.0 / 29) }
    private static func cubeSlope(_ f: Double) -> Double { f > edge ? 3 * f * f : 3 * edge * edge }
}

extension SIMD3<Double> {
    /// A function of each of the three.
    fileprivate func map(_ body: (Double) -> Double) -> SIMD3<Double> { SIMD3(body(x), body(y), body(z)) }
}
