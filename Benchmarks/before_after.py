"""A sheet of photographs before and after, row by row, in pictures of one height.

    directions colorize old-photographs --out coloured
    python3 Benchmarks/before_after.py sheet.jpg --height 300 --row old-photographs/a.jpg coloured/a-colour.jpg --row ...    # needs pillow

The JPEG's quality is lowered until the file has at most `--bytes`.
"""
import argparse
import io

from PIL import Image


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--height", type=int, default=300)
    parser.add_argument("--bytes", type=int, default=200_000)
    parser.add_argument("--row", nargs="+", action="append", required=True, metavar="PICTURE")
    options = parser.parse_args()
    rows = []
    for names in options.row:
        pictures = [Image.open(name).convert("RGB") for name in names]
        rows.append([p.resize((max(1, p.width * options.height // p.height), options.height), Image.LANCZOS) for p in pictures])
    gap = 6
    width = max(sum(p.width for p in row) + gap * (len(row) - 1) for row in rows)
    sheet = Image.new("RGB", (width, len(rows) * (options.height + gap) - gap), "white")
    for index, row in enumerate(rows):
        x = 0
        for picture in row:
            sheet.paste(picture, (x, index * (options.height + gap)))
            x += picture.width + gap
    for quality in range(92, 20, -4):
        file = io.BytesIO()
        sheet.save(file, "JPEG", quality=quality, optimize=True)
        if file.tell() <= options.bytes:
            break
    with open(options.out, "wb") as output:
        output.write(file.getvalue())
    print(f"{options.out}: {sheet.width} x {sheet.height} pixels, quality {quality}, {file.tell()} bytes")


if __name__ == "__main__":
    main()
