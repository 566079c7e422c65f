using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;

namespace Iba.Cli;

/// <summary>The common parser of numbers in options.</summary>
internal static class Number
{
    public static NumberRange<T> AtLeast<T>(T least) where T : struct, INumber<T>, IMinMaxValue<T> => new(least, T.MaxValue);

    public static NumberRange<T> Above<T>(T bound) where T : struct, INumber<T>, IMinMaxValue<T> => new(bound, T.MaxValue) { Open = true };

    public static NumberRange<T> Between<T>(T least, T most) where T : struct, INumber<T>, IMinMaxValue<T> => new(least, most);
}

/// <summary>
/// The range of numbers that an option accepts. Numbers have digits, a decimal point and perhaps an exponent, independent of the machine's
/// language; a comma is an error. The error for anything but a finite number of the range names the option, the text and the expected range.
/// </summary>
internal readonly record struct NumberRange<T>(T Least, T Most) where T : struct, INumber<T>, IMinMaxValue<T>
{
    private static readonly bool IsWhole = T.One / (T.One + T.One) == T.Zero;

    /// <summary>Whether the lower bound itself is excluded.</summary>
    public bool Open { get; init; }

    /// <summary>The expected range, after "it must be".</summary>
    public string Words => IsWhole
        ? string.Create(CultureInfo.InvariantCulture, $"a whole number from {Least} to {Most}")
        : string.Create(CultureInfo.InvariantCulture, $"a finite number {(Open ? "above" : Most < T.MaxValue ? "from" : "of at least")} {Least}"
            + $"{(Most < T.MaxValue ? $" {(Open ? "and up " : "")}to {Most}" : "")}, with a decimal point, as in 0.5");

    /// <summary>For an option that has a default.</summary>
    public T Parse(ArgumentResult argument) => Optional(argument) ?? default;

    /// <summary>For an option that may be left out.</summary>
    public T? Optional(ArgumentResult argument)
    {
        if (TryRead(Text(argument), out T number))
            return number;
        Refuse(argument, Text(argument));
        return null;
    }

    /// <summary>For numbers with commas between them.</summary>
    public T[]? List(ArgumentResult argument)
    {
        var numbers = new List<T>();
        foreach (string word in Text(argument).Split(','))
        {
            if (!TryRead(word, out T number))
            {
                Refuse(argument, word, inList: true);
                return null;
            }
            numbers.Add(number);
        }
        return [.. numbers];
    }

    private bool TryRead(string text, out T number) =>
        T.TryParse(text, IsWhole ? NumberStyles.Integer : NumberStyles.Float, CultureInfo.InvariantCulture, out number)
        && T.IsFinite(number) && number >= Least && number <= Most && !(Open && number == Least) && !(T.IsZero(number) && IsNonzero(text));

    /// <summary>Whether a text that is parsed as 0 has a nonzero digit: the number underflows.</summary>
    private static bool IsNonzero(string text) => text.TakeWhile(letter => letter is not ('e' or 'E')).Any(letter => letter is >= '1' and <= '9');

    private void Refuse(ArgumentResult argument, string word, bool inList = false)
    {
        string name = (argument.Parent as OptionResult)?.Option.Name ?? argument.Argument.Name;
        argument.AddError($"{name} {Text(argument)}: {(inList ? $"'{word}'" : "it")} must be {Words}{(inList ? "; commas stand between numbers" : "")}.");
    }

    private static string Text(ArgumentResult argument) => argument.Tokens is [var token] ? token.Value : "";
}
