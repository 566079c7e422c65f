using System.Diagnostics;
using System.Text.Json;
using Xunit;

namespace Tests.Browser;

/// <summary>Chromium, driven by playwright-core. Where one of them is missing, the test is skipped and says what is missing.</summary>
internal static class Chromium
{
    private static readonly string Folder = Path.Combine(Golden.Root, "tests", "browser");

    private static string? Browser => ((string[])["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"]).FirstOrDefault(File.Exists);

    /// <summary>Opens pages and does what a reader does; see pages.mjs.</summary>
    public static void Check(params IReadOnlyList<object> pages) => Run("pages.mjs", pages);

    /// <summary>Runs a script of this folder, which prints a line for each mistake that it finds.</summary>
    /// <param name="script">Its name.</param>
    /// <param name="what">Its plan, which it gets as JSON.</param>
    public static void Run(string script, object what)
    {
        Assert.SkipWhen(Browser is null, "no Chromium is installed: the pages are not opened. Debian: apt-get install chromium");
        Assert.SkipUnless(Directory.Exists(Path.Combine(Folder, "node_modules", "playwright-core")),
            "playwright-core is not installed: the pages are not opened. Run: npm ci --prefix tests/browser");
        using var folder = new TemporaryFolder();
        string plan = folder["plan.json"];
        File.WriteAllText(plan, JsonSerializer.Serialize(what));
        using var process = Process.Start(new ProcessStartInfo("node", [Path.Combine(Folder, script), Browser, plan])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        Task<string> errors = process.StandardError.ReadToEndAsync();
        string mistakes = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0 && mistakes == "", $"{mistakes}{errors.Result}");
    }
}
