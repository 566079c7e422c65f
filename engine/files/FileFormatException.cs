namespace Engine.Files;

/// <summary>A file is not what its reader needs. The message names the file, the reason and what to do next.</summary>
/// <param name="path">The file.</param>
/// <param name="reason">What is wrong with it, without a full stop.</param>
/// <param name="advice">The next step for whoever gave the file.</param>
/// <param name="inner">The error underneath, when there was one.</param>
public sealed class FileFormatException(string path, string reason, string advice, Exception? inner = null)
    : IOException($"{path}: {Printable(reason)}. {advice}", inner)
{
    private const int LongestReason = 1 << 16;

    /// <summary>The file that could not be used.</summary>
    public string Path { get; } = path;

    // A reason quotes names from the file: control characters could rewrite a terminal, and a name could be megabytes long.
    private static string Printable(string reason) => string.Concat(
        (reason.Length > LongestReason ? reason[..LongestReason] + "..." : reason).Select(c => char.IsControl(c) && c != '\n' ? '?' : c));
}
