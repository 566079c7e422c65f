namespace Iba.Evaluation;

/// <summary>One finding of an evaluation. Records hold raw numbers only; scores are computed from them.</summary>
/// <param name="Image">The photo's path, or its name in the set where the record was read from a ledger.</param>
public abstract record EvaluationRecord(string Image)
{
    /// <summary>The photo's name in the set: the same in whatever folder the set is.</summary>
    public string Name { get; init; } = Image;

    /// <summary>SHA-256 of the photo's file in hexadecimal; empty if it was not read.</summary>
    public string Sha256 { get; init; } = "";

    /// <summary>
    /// <see cref="LabelledPhotos.Truth"/>: the hash of what is known of the photo and decides the numbers, its class and its boxes or mask; empty if unknown.
    /// </summary>
    public string Truth { get; init; } = "";

    /// <summary><see cref="EvaluationSettings.Id"/> of the settings that decide the numbers; empty if unknown.</summary>
    public string Settings { get; init; } = "";

    /// <summary>What identifies it in a ledger.</summary>
    public RecordKey Key => new(Settings, Name, Sha256, Truth);
}

/// <summary>What identifies a record: settings and photo.</summary>
/// <param name="Settings"><see cref="EvaluationSettings.Id"/>.</param>
/// <param name="Name">The photo's name in the set.</param>
/// <param name="Sha256">SHA-256 of its file.</param>
/// <param name="Truth"><see cref="LabelledPhotos.Truth"/>; empty if unknown.</param>
public readonly record struct RecordKey(string Settings, string Name, string Sha256, string Truth)
{
    /// <summary>Whether it is of the same file, and of the same class, boxes and mask as far as they are known.</summary>
    public bool IsOf(string sha256, string truth) => Sha256 == sha256 && (Truth.Length == 0 || Truth == truth);
}

/// <summary>The raw numbers of one map by one measure.</summary>
/// <param name="Image">The photo's path.</param>
/// <param name="Method">The method's name.</param>
/// <param name="Measure">The measure's name.</param>
/// <param name="Target">The class explained.</param>
/// <param name="TargetFrom">Where that class comes from.</param>
/// <param name="Numbers">The raw numbers.</param>
public sealed record Measurement(
    string Image, string Method, string Measure, int Target, TargetSource TargetFrom, IReadOnlyList<Quantity> Numbers) : EvaluationRecord(Image)
{
    /// <summary>The arithmetic that computed it; null if unknown.</summary>
    public Arithmetic? Arithmetic { get; init; }

    /// <summary>The values of a quantity.</summary>
    /// <exception cref="LedgerException">It has none.</exception>
    public double[] this[string quantity] => Numbers.FirstOrDefault(each => each.Name == quantity)?.Values is { Length: > 0 } values
        ? values
        : throw new LedgerException(Image, $"its record of {Method} by {Measure} has no '{quantity}'", "Evaluate it again into another folder");
}

/// <summary>A photo that a measure does not evaluate.</summary>
/// <param name="Image">The photo's path.</param>
/// <param name="Measure">The measure's name.</param>
/// <param name="Reason">Why, worded to follow the photo's name.</param>
public sealed record LeftOutPhoto(string Image, string Measure, string Reason) : EvaluationRecord(Image);

/// <summary>
/// A photo that could not be read or explained by every method. It counts for none of them. A ledger does not keep it: the next run tries it again.
/// </summary>
/// <param name="Image">The photo's path.</param>
/// <param name="Reason">What failed and why; it names the photo.</param>
public sealed record FailedPhoto(string Image, string Reason) : EvaluationRecord(Image);
