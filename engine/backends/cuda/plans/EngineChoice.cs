using System.Globalization;
using System.Text;

namespace Iba.Engine.Backends.Cuda.Plans;

/// <summary>
/// A cuDNN engine with its settings: all that is needed to rebuild a plan without querying the heuristics. Its text has one line for each.
/// </summary>
/// <param name="Index">The engine's global index: the same for the same operation graph.</param>
/// <param name="Knobs">Its settings, by type; null if cuDNN does not tell them: it cannot be rebuilt then.</param>
internal sealed record EngineChoice(long Index, IReadOnlyList<(int Type, long Value)>? Knobs)
{
    /// <summary>Upper bound of the settings: a file with more was not written by this program.</summary>
    private const int MostKnobs = 256;

    private const string Time = "milliseconds ", Compiled = "compiled", Arithmetic = "notes";

    /// <summary>Whether cuDNN compiles it for its graph when its plan is built.</summary>
    public bool IsCompiled { get; init; }

    /// <summary>cuDNN's notes on its arithmetic, by which it was accepted; null if cuDNN does not tell them.</summary>
    public IReadOnlyList<int>? Notes { get; init; }

    /// <summary>The time of a run when it was chosen; null if there was one candidate.</summary>
    public float? Milliseconds { get; init; }

    /// <summary>The choice that a text tells, or null if the text is anything else.</summary>
    public static EngineChoice? Parse(ReadOnlySpan<byte> text)
    {
        string[] lines = Encoding.UTF8.GetString(text).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        if (lines.Length is < 1 or > MostKnobs + 4 || !TryNumbers(lines[0], "engine", 1, out long[] engine))
            return null;
        bool compiled = false;
        var knobs = new List<(int, long)>();
        float? milliseconds = null;
        int[]? notes = null;
        foreach (string line in lines[1..])
        {
            if (!compiled && line == Compiled)
            {
                compiled = true;
                continue;
            }
            if (milliseconds is null && line.StartsWith(Time, StringComparison.Ordinal))
            {
                if (!float.TryParse(line[Time.Length..], NumberStyles.Float, CultureInfo.InvariantCulture, out float read))
                    return null;
                milliseconds = read;
                continue;
            }
            if (notes is null && line.Split(' ') is [Arithmetic, .. string[] codes])
            {
                notes = new int[codes.Length];
                for (int i = 0; i < codes.Length; i++)
                {
                    if (!int.TryParse(codes[i], NumberStyles.None, CultureInfo.InvariantCulture, out notes[i]))
                        return null;
                }
                continue;
            }
            if (!TryNumbers(line, "knob", 2, out long[] knob) || knob[0] is < 0 or > int.MaxValue)
                return null;
            knobs.Add(((int)knob[0], knob[1]));
        }
        return new EngineChoice(engine[0], knobs) { Milliseconds = milliseconds, IsCompiled = compiled, Notes = notes };
    }

    /// <summary>The text, as <see cref="Parse"/> reads it.</summary>
    public byte[] Print()
    {
        var text = new StringBuilder().Append(CultureInfo.InvariantCulture, $"engine {Index}\n");
        if (IsCompiled)
            text.Append(Compiled).Append('\n');
        if (Milliseconds is { } milliseconds)
            text.Append(CultureInfo.InvariantCulture, $"{Time}{milliseconds:R}\n");
        if (Notes is not null)
            text.Append(Arithmetic).AppendJoin("", Notes.Select(note => $" {note}")).Append('\n');
        foreach ((int type, long value) in Knobs ?? [])
            text.Append(CultureInfo.InvariantCulture, $"knob {type} {value}\n");
        return Encoding.UTF8.GetBytes(text.ToString());
    }

    /// <inheritdoc/>
    public override string ToString() =>
        $"engine {Index}" + (Knobs is { Count: > 0 } ? $" ({string.Join(", ", Knobs.Select(knob => $"{knob.Type} = {knob.Value}"))})" : "");

    private static bool TryNumbers(string line, string word, int count, out long[] numbers)
    {
        string[] parts = line.Split(' ');
        numbers = new long[count];
        if (parts.Length != count + 1 || parts[0] != word)
            return false;
        for (int i = 0; i < count; i++)
        {
            if (!long.TryParse(parts[i + 1], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out numbers[i]))
                return false;
        }
        return true;
    }
}
