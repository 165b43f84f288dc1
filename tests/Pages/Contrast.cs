using Microsoft.Playwright;

namespace DatasetCache.Pages.Tests;

/// <summary>WCAG 2's contrast of what is to be read: 4.5 to 1.</summary>
internal static class Contrast
{
    private const string Script =
        """
        () => {
          const channels = (color) => {
            const canvas = document.createElement('canvas').getContext('2d');
            canvas.fillStyle = color;
            canvas.fillRect(0, 0, 1, 1);
            const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
            return [r, g, b, a / 255];
          };
          const luminance = ([r, g, b]) => [r, g, b].map((c) => (c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4))
            .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
          const groundOf = (element) => {
            for (let at = element; at; at = at.parentElement) {
              const color = channels(getComputedStyle(at).backgroundColor);
              if (color[3] === 1) return color;
            }
            return [255, 255, 255, 1];
          };
          const faint = [];
          const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          while (texts.nextNode()) {
            const element = texts.currentNode.parentElement;
            if (!texts.currentNode.data.trim() || !element.checkVisibility() || element.closest('.unseen, .skip, option')) continue;
            const [one, other] = [luminance(channels(getComputedStyle(element).color)), luminance(groundOf(element))].sort((a, b) => b - a);
            const ratio = (one + 0.05) / (other + 0.05);
            if (ratio < 4.5) faint.push(`${texts.currentNode.data.trim()} (${element.className || element.tagName}): ${ratio.toFixed(2)}`);
          }
          return faint;
        }
        """;

    public static Task<string[]> FaintTextsAsync(IPage page) => page.EvaluateAsync<string[]>(Script);
}
