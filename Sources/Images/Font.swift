/// A bitmap font for labels on grids: 5 columns, 7 rows above the base line and 2 below, printable ASCII.
enum Font {
    static let width = 5
    static let height = 9

    /// Nine rows of five bits, the leftmost column in bit 4; an unknown character is shown as a box.
    static func rows(of character: Character) -> [UInt8] { glyphs[character] ?? box }

    private static let box: [UInt8] = [31, 17, 17, 17, 17, 17, 31, 0, 0]

    /// One pair of hexadecimal digits a row, from the top; rows that are not given are empty.
    private static let glyphs: [Character: [UInt8]] = {
        let table = """
            A 0E11111F111111 | B 1E11111E11111E | C 0E11101010110E | D 1E11111111111E | E 1F10101E10101F
            F 1F10101E101010 | G 0E11101711110F | H 1111111F111111 | I 0E04040404040E | J 0702020202120C
            K 11121418141211 | L 1010101010101F | M 111B1515111111 | N 11191515131111 | O 0E11111111110E
            P 1E11111E101010 | Q 0E11111115120D | R 1E11111E141211 | S 0F10100E01011E | T 1F040404040404
            U 1111111111110E | V 11111111110A04 | W 11111115151B11 | X 11110A040A1111 | Y 11110A04040404
            Z 1F01020408101F | a 00000E010F110F | b 10101E1111111E | c 00000F1010100F | d 01010F1111110F
            e 00000E111F100E | f 0609081C080808 | g 00000F11110F01110E | h 10101E11111111 | i 04000C0404040E
            j 02000602020202120C | k 10101214181412 | l 0C04040404040E | m 00001A15151515 | n 00001E11111111
            o 00000E1111110E | p 00001E11111E1010 | q 00000F11110F0101 | r 00001619101010 | s 00000F100E011E
            t 08081C08080906 | u 0000111111130D | v 00001111110A04 | w 0000111515150A | x 0000110A040A11
            y 00001111110F01110E | z 00001F0204081F | 0 0E11131519110E | 1 040C040404040E | 2 0E11010608101F
            3 1F02040201110E | 4 02060A121F0202 | 5 1F101E0101110E | 6 0608101E11110E | 7 1F010204080808
            8 0E11110E11110E | 9 0E11110F01020C | . 00000000000C0C | , 00000000000C0C0408 | : 000C0C000C0C00
            ; 000C0C000C0C0408 | - 0000001F000000 | + 0004041F040400 | = 00001F001F0000 | _ 0000000000001F
            / 01010204081010 | % 18190204081303 | ( 02040808080402 | ) 08040202020408 | [ 0E08080808080E
            ] 0E02020202020E | < 02040810080402 | > 08040201020408 | ! 04040404040004 | ? 0E110106040004
            @ 0E11171517100E | # 0A0A1F0A1F0A0A | * 00150E1F0E1500 | & 0C12140815120D | ' 04040800000000
            " 0A0A0A00000000 | $ 040F140E051E04 | ^ 040A1100000000 | ~ 00000815020000 | ` 08040200000000
            { 02040408040402 | } 08040402040408 | \\ 10100804020101
            """
        var result: [Character: [UInt8]] = [
            " ": [UInt8](repeating: 0, count: height), "|": [4, 4, 4, 4, 4, 4, 4, 4, 0],
        ]
        for entry in table.split(whereSeparator: { $0 == "|" || $0 == "\n" }) {
            let parts = entry.split(separator: " ")
            guard parts.count == 2, let character = parts[0].first else { continue }
            let digits = Array(parts[1])
            let rows = stride(from: 0, to: digits.count - 1, by: 2).map {
                UInt8(String(digits[$0...$0 + 1]), radix: 16) ?? 0
            }
            result[character] = rows + [UInt8](repeating: 0, count: max(0, height - rows.count))
        }
        return result
    }()
}
