namespace Iba.Evaluation;

/// <summary>One finding of an evaluation. Records hold raw numbers only; scores are computed from them.</summary>
/// <param name="Image">The photo's path.</param>
public abstract record EvaluationRecord(string Image);

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
    /// <summary>The values of a quantity.</summary>
    public double[] this[string quantity] => Numbers.First(each => each.Name == quantity).Values;
}

/// <summary>A photo that a measure does not evaluate.</summary>
/// <param name="Image">The photo's path.</param>
/// <param name="Measure">The measure's name.</param>
/// <param name="Reason">Why, worded to follow the photo's name.</param>
public sealed record LeftOutPhoto(string Image, string Measure, string Reason) : EvaluationRecord(Image);

/// <summary>A photo that could not be read or explained by every method. It counts for none of them.</summary>
/// <param name="Image">The photo's path.</param>
/// <param name="Reason">What failed and why; it names the photo.</param>
public sealed record FailedPhoto(string Image, string Reason) : EvaluationRecord(Image);
