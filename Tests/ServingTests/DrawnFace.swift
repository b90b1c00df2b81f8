import Directions

/// A face that the detector finds, as Tests/Fixtures/make_detector_fixture.py draws it; hues tell pictures apart.
enum DrawnFace {
    static func picture(hue: Int = 0) -> Image {
        let side = 640
        var image = Image(width: side, height: side, fill: (0, 0, 0))
        for y in 0..<side {
            for x in 0..<side {
                let at = 3 * (y * side + x)
                image.pixels[at] = UInt8(90 + x / 16 + hue)
                image.pixels[at + 1] = UInt8(110 + y / 16)
                image.pixels[at + 2] = UInt8(130 + (x + y) / 32)
            }
        }
        func disc(_ cx: Int, _ cy: Int, _ rx: Int, _ ry: Int, _ colour: [Int]) {
            for y in max(0, cy - ry)..<min(side, cy + ry) {
                for x in max(0, cx - rx)..<min(side, cx + rx) {
                    let (a, b) = ((x - cx) * ry, (y - cy) * rx)
                    if a * a + b * b >= rx * ry * rx * ry { continue }
                    for c in 0..<3 {
                        image.pixels[3 * (y * side + x) + c] = UInt8(
                            clamping: colour[c] - (abs(x - 320) + abs(y - 320)) / 8)
                    }
                }
            }
        }
        disc(320, 300, 150, 200, [90, 60, 40])
        disc(320, 330, 120, 165, [235, 190, 165])
        for cx in [270, 370] {
            disc(cx, 265, 32, 8, [110, 80, 60])
            disc(cx, 295, 24, 13, [255, 250, 250])
            disc(cx, 295, 11, 12, [70, 50, 40])
        }
        disc(320, 350, 20, 34, [215, 165, 140])
        for cx in [308, 332] { disc(cx, 377, 7, 5, [130, 80, 70]) }
        disc(320, 420, 48, 16, [205, 100, 100])
        disc(320, 420, 46, 4, [120, 40, 50])
        return image
    }
}
