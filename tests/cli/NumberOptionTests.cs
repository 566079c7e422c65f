using System.CommandLine;
using System.Globalization;
using Iba.Cli;
using Xunit;

namespace Tests.Cli;

/// <summary>Every option of every command that takes numbers, found in the tree of commands, so that a new option is tested, too.</summary>
public sealed class NumberOptionTests
{
    private static readonly string[] NoNumbers =
        ["0,5", "1.000,5", "1,000", "1e400", "1e-400", "0x10", "١", "½", "NaN", "inf", "Infinity", "∞", "1_0", "5f", "$5", "(5)", "", "ten", "-1e9"];

    private static readonly (string Text, double Value)[] Numbers = [("0.5", 0.5), ("1.5", 1.5), ("7", 7), ("+64", 64), (" 64 ", 64), ("1e1", 10)];

    public static TheoryData<string> Options => [.. All.Select(found => found.Words)];

    private static IEnumerable<(string Words, Command[] Path, Option Option)> All => Below([CommandLine.Commands()]);

    [Fact]
    public void More_than_forty_options_take_numbers() => Assert.True(All.Count() > 40, $"only {All.Count()} options take numbers");

    [Theory]
    [MemberData(nameof(Options))]
    public void A_number_is_written_with_a_decimal_point_in_every_option(string words)
    {
        CultureInfo usual = CultureInfo.CurrentCulture, german = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        (german.NumberFormat.NumberDecimalSeparator, german.NumberFormat.NumberGroupSeparator) = (",", ".");
        foreach (CultureInfo culture in (CultureInfo[])[usual, german])
        {
            CultureInfo.CurrentCulture = culture;
            try
            {
                foreach (string text in NoNumbers)
                    Assert.True(Mistake(words, text) is not null || IsList(words, text), $"{words} takes '{text}'");
                Assert.Contains(Numbers, number => Reads(words, number.Text, number.Value));
            }
            finally
            {
                CultureInfo.CurrentCulture = usual;
            }
        }
    }

    [Theory]
    [InlineData("attribute", "--beta", "0.25", 0.25f)]
    [InlineData("attribute", "--steps", "25", 25)]
    [InlineData("attribute", "--scale", "1e-3", 1e-3)]
    [InlineData("attribute", "--seed", "18446744073709551615", ulong.MaxValue)]
    [InlineData("compare", "--betas", "0.1, 1,10", new float[] { 0.1f, 1, 10 })]
    public void What_was_typed_is_what_is_used(string command, string option, string text, object value)
    {
        ParseResult parsed = CommandLine.Parse(command, "x.png", option, text);
        Assert.Empty(CommandLine.Mistakes(parsed));
        Assert.Equal(value, parsed.GetValue<object>(option));
    }

    [Theory]
    [InlineData("attribute --beta", "1e10")]
    [InlineData("attribute --learning-rate", "1e4")]
    [InlineData("compare --beta", "1e10")]
    [InlineData("compare --betas", "1e10")]
    [InlineData("readout train --beta", "1e10")]
    [InlineData("readout train --learning-rate", "1e4")]
    [InlineData("demo train --learning-rate", "1e4")]
    public void A_number_that_leads_to_infinities_is_refused_while_the_command_line_is_read(string words, string text) =>
        Assert.NotNull(Mistake(words, text));

    /// <summary>Either reads the number or refuses it.</summary>
    private static bool Reads(string words, string text, double value)
    {
        if (Mistake(words, text) is not null)
            return false;
        (_, Command[] path, Option option) = All.Single(found => found.Words == words);
        object read = Parsed(path, option, text).GetValue<object>(option.Name)!;
        Assert.Equal(value, Convert.ToDouble(read is Array list ? list.GetValue(0) : read, CultureInfo.InvariantCulture));
        return true;
    }

    /// <summary>The message about the option, which names it, the text and what is expected; null if there is none.</summary>
    private static string? Mistake(string words, string text)
    {
        (_, Command[] path, Option option) = All.Single(found => found.Words == words);
        string? mistake = CommandLine.Mistakes(Parsed(path, option, text))
            .SingleOrDefault(mistake => mistake.StartsWith($"{option.Name} {text}: ", StringComparison.Ordinal));
        if (mistake is not null)
            Assert.Matches("must be a (whole|finite) number .*[0-9]", mistake);
        return mistake;
    }

    // In a list the comma separates two numbers.
    private static bool IsList(string words, string text) =>
        All.Single(found => found.Words == words).Option.ValueType.IsArray && text.Contains(',');

    private static ParseResult Parsed(Command[] path, Option option, string text) =>
        CommandLine.Parse([.. path.Skip(1).Select(command => command.Name), option.Name, text]);

    private static IEnumerable<(string, Command[], Option)> Below(Command[] path) =>
        path[^1].Options.Where(option => TakesNumbers(option.ValueType))
            .Select(option => ($"{string.Join(' ', path.Skip(1).Select(command => command.Name))} {option.Name}", path, option))
            .Concat(path[^1].Subcommands.SelectMany(command => Below([.. path, command])));

    private static bool TakesNumbers(Type type)
    {
        Type one = type.IsArray ? type.GetElementType()! : type;
        one = Nullable.GetUnderlyingType(one) ?? one;
        return !one.IsEnum && Type.GetTypeCode(one) is >= TypeCode.SByte and <= TypeCode.Decimal;
    }
}
