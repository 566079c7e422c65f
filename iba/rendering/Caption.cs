namespace Iba.Rendering;

/// <summary>The text below an overlay. Null parts are left out.</summary>
public sealed record Caption
{
    // Longer texts are cut: a class name from a wrong file may have any length, and the picture must stay visible.
    private const int MaxLength = 300;

    /// <summary>The class that the map explains.</summary>
    public string? ClassName { get; init; }

    /// <summary>The network's probability of that class, 0 to 1.</summary>
    public double? Probability { get; init; }

    /// <summary>The total information that passes the bottleneck, bits.</summary>
    public double? TotalBits { get; init; }

    /// <summary>The bottleneck's layer.</summary>
    public string? Layer { get; init; }

    /// <summary>β of the paper's equation 6 in units of 1/k.</summary>
    public double? β { get; init; }

    /// <summary>The attribution method.</summary>
    public string? Method { get; init; }

    /// <summary>Further lines.</summary>
    public IReadOnlyList<string> More { get; init; } = [];

    /// <summary>The first line: the explained class and its probability. Null if neither is known.</summary>
    public string? Title => Join(", ", ClassName, Probability is { } p ? $"p = {p:0.000}" : null);

    /// <summary>The lines below the title.</summary>
    public IEnumerable<string> Lines
    {
        get
        {
            string? total = TotalBits is { } bits ? $"{Number(bits)} bits in total" : null;
            string? weight = β is { } beta ? $"β = {Number(beta)}/k" : null;
            string? facts = Join(" · ", total, Method, Layer, weight);
            return (facts is null ? More : [facts, .. More]).Select(Shorten);
        }
    }

    private static string? Join(string separator, params string?[] parts) =>
        string.Join(separator, parts.Where(part => !string.IsNullOrWhiteSpace(part))) is { Length: > 0 } text ? Shorten(text) : null;

    private static string Number(double value) => value.ToString(Math.Abs(value) is >= 100 and < 1e6 ? "0" : "G4").Replace('-', '−');

    private static string Shorten(string text) => text.Length <= MaxLength ? text : $"{text[..(MaxLength - 4)].TrimEnd()} ...";
}
