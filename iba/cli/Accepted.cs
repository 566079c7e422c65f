using System.CommandLine;
using System.CommandLine.Parsing;

namespace Iba.Cli;

/// <summary>
/// What options and arguments may hold. It is looked at while the command line is parsed: before anything runs, and under the name that the user typed.
/// For numbers see <see cref="Number"/>.
/// </summary>
internal static class Accepted
{
    /// <summary>A file to read.</summary>
    /// <param name="next">How to come by one, after "Check the path, or".</param>
    public static Action<OptionResult> FileToRead(string next) =>
        Word(word => File.Exists(word) ? null : $"{(Directory.Exists(word) ? "it is a folder, not a file" : "there is no such file")}. Check the path, or {next}");

    /// <summary>A file to write. Folders on the way to it are made.</summary>
    public static Action<OptionResult> FileToWrite { get; } =
        Word(word => Directory.Exists(word) ? "it is a folder, not a file. Name a file, there or elsewhere." : Blocked(Path.GetDirectoryName(Path.GetFullPath(word))));

    /// <summary>A folder to write to. It is made where there is none.</summary>
    public static Action<OptionResult> FolderToWrite { get; } = Word(word => Blocked(Path.GetFullPath(word)));

    /// <summary>Photos.</summary>
    public static Argument<string[]> Photos(string description, ArgumentArity arity) => new("IMAGE") { Description = description, Arity = arity };

    /// <summary>What stands where a folder must be, in words; null where nothing does.</summary>
    private static string? Blocked(string? folder)
    {
        for (; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(folder))
                return $"{folder} is a file, and results need a folder. Name another place.";
        }
        return null;
    }

    private static Action<OptionResult> Word(Func<string, string?> mistake) => option =>
    {
        if (option.Tokens is [{ Value.Length: > 0 } word] && mistake(word.Value) is { } reason)
            option.AddError($"{option.Option.Name} {word.Value}: {reason}");
    };
}
