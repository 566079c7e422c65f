using System.CommandLine;
using System.CommandLine.Parsing;

namespace Iba.Cli;

/// <summary>What the user typed, held against the commands that there are.</summary>
internal static class CommandLine
{
    /// <summary>A file named @x is a photo like any other: no word is replaced by what stands in a file.</summary>
    private static readonly ParserConfiguration Literal = new() { ResponseFileTokenReplacer = null };

    public static RootCommand Commands() => new("Attribution of image classifiers in bits per pixel, by restricting the flow of information (IBA).")
    {
        AttributeCommand.Create(),
        PredictCommand.Create(),
        EstimateCommand.Create(),
        CompareCommand.Create(),
        EvaluateCommand.Create(),
        PatternsCommand.Create(),
        ReadoutCommand.Create(),
        WeightsCommand.Create(),
        DatasetCommand.Create(),
        DemoCommand.Create(),
        DoctorCommand.Create(),
    };

    public static ParseResult Parse(params IReadOnlyList<string> words) => Commands().Parse(words, Literal);

    /// <summary>What is wrong with the command line, in words that name the option.</summary>
    public static IReadOnlyList<string> Mistakes(ParseResult parsed) => [.. parsed.Errors.Select(Named).Concat(Mistyped(parsed)).Distinct()];

    /// <summary>The command as it is typed, without options.</summary>
    public static string Spelled(CommandResult of) => of.Parent is CommandResult above ? $"{Spelled(above)} {of.Command.Name}" : "iba";

    // The parser's own words for a bad value do not always say which option had it, and break lines.
    private static string Named(ParseError error)
    {
        string message = string.Join(' ', error.Message.Split((char[])['\n', '\r', '\t'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
        return error.SymbolResult is OptionResult { Option.Name: var name } && !message.Contains(name) ? $"{name}: {message}" : message;
    }

    /// <summary>
    /// What looks like an option and is no file is a mistyped option: taken for an argument, the command would run without it. After -- every
    /// word is an argument; a single - is one anywhere.
    /// </summary>
    private static IEnumerable<string> Mistyped(ParseResult parsed)
    {
        HashSet<Token> arguments = new(parsed.CommandResult.Children.OfType<ArgumentResult>().SelectMany(argument => argument.Tokens), ReferenceEqualityComparer.Instance);
        return parsed.Tokens
            .TakeWhile(token => token.Type != TokenType.DoubleDash)
            .Where(token => arguments.Contains(token) && token.Value is ['-', _, ..] && !File.Exists(token.Value))
            .Select(token => $"there is no such option: {token.Value}");
    }
}
