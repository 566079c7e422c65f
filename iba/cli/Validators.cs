using System.CommandLine;
using System.CommandLine.Parsing;
using Iba.Engine.Files;

namespace Iba.Cli;

/// <summary>
/// Validators of options and arguments. They run while the command line is parsed, before any work, and name the option as the user typed it. For
/// numbers see <see cref="Number"/>.
/// </summary>
internal static class Validators
{
    /// <summary>A file to read.</summary>
    /// <param name="next">How to get one, after "Check the path, or".</param>
    public static Action<OptionResult> FileToRead(string next) =>
        Word(word => File.Exists(word)
            ? null
            : $"{(Directory.Exists(word) ? "it is a folder, not a file" : "there is no such file")}. Check the path, or {next}");

    /// <summary>A file to write, tried before the work. Folders on the way to it are made when it is written.</summary>
    /// <param name="endings">What is added to the word, where it stands for more than one file.</param>
    public static Action<OptionResult> FileToWrite(params string[] endings) => Place(word =>
        Array.ForEach(endings.Length == 0 ? [""] : endings, ending => AtomicFile.Try($"{word}{ending}")));

    /// <summary>A file to write that a later run goes on from, so it must be one that can be read again.</summary>
    /// <param name="ending">What is added to the word.</param>
    public static Action<OptionResult> FileToResume(string ending = "") => Place(word =>
    {
        AtomicFile.Try($"{word}{ending}");
        if (FileStatus.Of($"{word}{ending}") is { Type: not FileType.Regular })
            throw new FileWriteException(word, "it is a pipe or a device, and a later run goes on from what is written");
    });

    /// <summary>A folder to write to, checked before the work. It is created if missing.</summary>
    public static Action<OptionResult> FolderToWrite { get; } = Place(AtomicFile.TryIn);

    /// <summary>Photos.</summary>
    public static Argument<string[]> Photos(string description, ArgumentArity arity) => new("IMAGE") { Description = description, Arity = arity };

    /// <summary>Tries a place, that of an option's default too.</summary>
    private static Action<OptionResult> Place(Action<string> attempt) => option =>
    {
        if (option.GetValueOrDefault<string>() is not { } word)
            return;
        if (word.Length == 0)
        {
            option.AddError($"{option.Option.Name}: it is empty. Name a place.");
            return;
        }
        try
        {
            attempt(word);
        }
        catch (FileWriteException refused)
        {
            option.AddError($"{option.Option.Name} {word}: {refused.Reason}. Free space, change the permissions, or name another place.");
        }
    };

    private static Action<OptionResult> Word(Func<string, string?> mistake) => option =>
    {
        if (option.Tokens is [{ Value.Length: > 0 } word] && mistake(word.Value) is { } reason)
            option.AddError($"{option.Option.Name} {word.Value}: {reason}");
    };
}
