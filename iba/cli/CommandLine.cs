using System.CommandLine;
using System.CommandLine.Parsing;

namespace Iba.Cli;

/// <summary>The commands, and the check of a command line.</summary>
internal static class CommandLine
{
    /// <summary>No response files: a file named @x is a photo like any other.</summary>
    private static readonly ParserConfiguration Literal = new() { ResponseFileTokenReplacer = null };

    public static RootCommand Commands() => new("Attribution of image classifiers in bits per pixel, by restricting the flow of information (IBA).")
    {
        AttributeCommand.Create(),
        PredictCommand.Create(),
        EstimateCommand.Create(),
        CompareCommand.Create(),
        TapeCommand.Create(),
        EvaluateCommand.Create(),
        PatternsCommand.Create(),
        ReadoutCommand.Create(),
        WeightsCommand.Create(),
        DatasetCommand.Create(),
        DemoCommand.Create(),
        DoctorCommand.Create(),
        PlansCommand.Create(),
    };

    public static ParseResult Parse(params IReadOnlyList<string> words) => Parse(Commands(), words);

    public static ParseResult Parse(RootCommand commands, IReadOnlyList<string> words) => commands.Parse(words, Literal);

    /// <summary>The errors of the command line; each names its option.</summary>
    public static IReadOnlyList<string> Mistakes(ParseResult parsed) => [.. parsed.Errors.Select(Named).Concat(Mistyped(parsed)).Distinct()];

    /// <summary>The command as typed, without options.</summary>
    public static string Spelled(CommandResult of) => of.Parent is CommandResult above ? $"{Spelled(above)} {of.Command.Name}" : "iba";

    // The parser's own messages do not always name the option, and contain line breaks.
    private static string Named(ParseError error)
    {
        const StringSplitOptions trimmed = StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries;
        string message = string.Join(' ', error.Message.Split((char[])['\n', '\r', '\t'], trimmed));
        return error.SymbolResult is OptionResult { Option.Name: var name } && !message.Contains(name) ? $"{name}: {message}" : message;
    }

    /// <summary>
    /// A word that looks like an option and is not a file is reported as a mistyped option; as an argument, it would be ignored. After -- every word
    /// is an argument; a single - always is.
    /// </summary>
    private static IEnumerable<string> Mistyped(ParseResult parsed)
    {
        IEnumerable<Token> tokens = parsed.CommandResult.Children.OfType<ArgumentResult>().SelectMany(argument => argument.Tokens);
        HashSet<Token> arguments = new(tokens, ReferenceEqualityComparer.Instance);
        return parsed.Tokens
            .TakeWhile(token => token.Type != TokenType.DoubleDash)
            .Where(token => arguments.Contains(token) && token.Value is ['-', _, ..] && !File.Exists(token.Value))
            .Select(token => $"there is no such option: {token.Value}");
    }
}
