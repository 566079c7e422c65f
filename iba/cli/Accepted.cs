using System.CommandLine;
using System.CommandLine.Parsing;
using Iba.Datasets;

namespace Iba.Cli;

/// <summary>
/// What options and arguments may hold. It is looked at while the command line is parsed: before anything runs, and under the name that the user typed.
/// What is no number at all, the parser itself refuses.
/// </summary>
internal static class Accepted
{
    /// <summary>A whole number.</summary>
    /// <param name="least">The least that is accepted.</param>
    /// <param name="words">The rule, after "it must be".</param>
    /// <param name="most">The largest that is accepted.</param>
    public static Action<OptionResult> Whole(int least, string words, int most = int.MaxValue) =>
        Word(word => int.TryParse(word, out int number) && (number < least || number > most) ? $"it must be {words}." : null);

    /// <summary>A number above 0.</summary>
    public static Action<OptionResult> Positive { get; } =
        Word(word => double.TryParse(word, out double number) && !(number > 0 && double.IsFinite(number)) ? "it must be a number above 0." : null);

    /// <summary>A file to read.</summary>
    /// <param name="next">How to come by one, after "Check the path, or".</param>
    public static Action<OptionResult> FileToRead(string next) =>
        Word(word => File.Exists(word) ? null : $"{(Directory.Exists(word) ? "it is a folder, not a file" : "there is no such file")}. Check the path, or {next}");

    /// <summary>A file to write. Folders on the way to it are made.</summary>
    public static Action<OptionResult> FileToWrite { get; } =
        Word(word => Directory.Exists(word) ? "it is a folder, not a file. Name a file, there or elsewhere." : Blocked(Path.GetDirectoryName(Path.GetFullPath(word))));

    /// <summary>A folder to write to. It is made where there is none.</summary>
    public static Action<OptionResult> FolderToWrite { get; } = Word(word => Blocked(Path.GetFullPath(word)));

    /// <summary>Photos. What looks like an option and is no file is a mistyped option: taken for a photo, the rest would run without it.</summary>
    public static Argument<string[]> Photos(string description, ArgumentArity arity) => new("IMAGE")
    {
        Description = description,
        Arity = arity,
        Validators =
        {
            photos =>
            {
                foreach (string word in photos.Tokens.Select(token => token.Value).Where(word => word.StartsWith('-') && word != PhotoSet.StandardInput && !File.Exists(word)))
                    photos.AddError($"there is no such option: {word}");
            },
        },
    };

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
