/// What WCAG AA asks of a page that is shown, looked for in the page itself.
enum Audit {
    /// Text that stands out too little from its ground: what and by how much; empty where all is well.
    static let contrast = #"""
        (() => {
          const numbers = (colour) => colour.match(/[\d.]+/g).map(Number);
          const alpha = (colour) => numbers(colour)[3] ?? 1;
          const light = (colour) => {
            const [r, g, b] = numbers(colour).map((c) => c / 255).map((c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
            return 0.2126 * r + 0.7152 * g + 0.0722 * b;
          };
          const ground = (element) => {
            for (let one = element; one; one = one.parentElement) {
              const colour = getComputedStyle(one).backgroundColor;
              if (alpha(colour) === 1) return colour;
            }
            return "rgb(255, 255, 255)";
          };
          const bad = [];
          let seen = 0;
          for (const element of document.body.querySelectorAll("*")) {
            if (!element.checkVisibility() || element.disabled) continue;
            const hasText = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
            const colours = [];
            if (hasText && !element.matches("option")) colours.push(element instanceof SVGElement ? getComputedStyle(element).fill : getComputedStyle(element).color);
            if (element.matches("input:not([type=range]):not([type=checkbox]), select")) colours.push(getComputedStyle(element).color);
            if (element.placeholder) colours.push(getComputedStyle(element, "::placeholder").color);
            for (const colour of colours) {
              seen++;
              const [a, b] = [light(colour), light(ground(element))].sort((x, y) => x - y);
              const ratio = (b + 0.05) / (a + 0.05);
              if (ratio < 4.5) bad.push(`${element.tagName} ${element.id} ${element.textContent.trim().slice(0, 20)}: ${ratio.toFixed(2)}`);
            }
          }
          return seen < 8 ? `only ${seen} texts were seen` : bad.join("; ");
        })()
        """#

    /// Controls and pictures without a name, and groups that have one that nobody is told; empty where all is well.
    static let names = #"""
        (() => {
          const bad = [];
          for (const element of document.querySelectorAll("a, button, input:not([type=file]), select, progress")) {
            const labels = [...(element.labels ?? [])].map((label) => label.textContent.trim()).join("");
            const name = element.getAttribute("aria-label") || labels || element.textContent.trim();
            if (!name || (element.tagName === "SELECT" && !element.getAttribute("aria-label") && !labels)) bad.push(element.outerHTML.slice(0, 80));
          }
          for (const image of document.images) if (!image.hasAttribute("alt")) bad.push(image.outerHTML.slice(0, 80));
          for (const group of document.querySelectorAll("div[aria-label]")) if (!group.hasAttribute("role")) bad.push(group.outerHTML.slice(0, 80));
          const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
          for (const id of ids) if (ids.filter((one) => one === id).length > 1) bad.push(`#${id} stands twice`);
          if (!document.documentElement.lang || !document.title) bad.push("no language or title");
          return bad.join("; ");
        })()
        """#
}
