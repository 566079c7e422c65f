namespace Iba.Attribution;

/// <summary>Numbers by which a reader can judge an attribution without trusting the program that made it.</summary>
public abstract record Check
{
    /// <summary>The numbers by name, as they are kept with a result.</summary>
    public abstract IEnumerable<KeyValuePair<string, double>> Numbers { get; }
}

/// <summary>
/// The change of the logit along the gradient, as the gradient says and as the network shows: a spot check of the derivative.
/// </summary>
/// <param name="Slope">The gradient's Euclidean norm: the steepest ascent, logit per unit of input.</param>
/// <param name="Measured">The central difference of the logit for a small step in that direction, per unit of input.</param>
public sealed record SlopeCheck(double Slope, double Measured) : Check
{
    /// <summary>|slope - measured| / |slope|; a ReLU that switches within the step makes it larger without any error.</summary>
    public double Gap => Slope == Measured ? 0 : Math.Abs(Slope - Measured) / Math.Abs(Slope);

    /// <inheritdoc/>
    public override IEnumerable<KeyValuePair<string, double>> Numbers =>
        [new("check.gradient_norm", Slope), new("check.finite_difference", Measured), new("check.gap", Gap)];
}

/// <summary>
/// Completeness of integrated gradients: attributions of all colour values add up to the change of the logit from the baseline.
/// </summary>
/// <param name="Sum">Sum of (input - baseline) x mean gradient over all colour values.</param>
/// <param name="LogitDifference">Logit of the input less logit of the baseline.</param>
public sealed record CompletenessCheck(double Sum, double LogitDifference) : Check
{
    /// <summary>|sum - difference| / |difference|: what the finite number of steps leaves out.</summary>
    public double Gap => Sum == LogitDifference ? 0 : Math.Abs(Sum - LogitDifference) / Math.Abs(LogitDifference);

    /// <inheritdoc/>
    public override IEnumerable<KeyValuePair<string, double>> Numbers =>
        [new("check.sum", Sum), new("check.logit_difference", LogitDifference), new("check.completeness_gap", Gap)];
}

/// <summary>What becomes of the relevance on its way from the logit to the pixels.</summary>
/// <param name="Layers">The layers, last to first.</param>
public sealed record ConservationCheck(IReadOnlyList<LayerRelevance> Layers) : Check
{
    /// <summary>A layer that keeps all but this share conserves: room for float32.</summary>
    public const double Tolerance = 1e-4;

    /// <summary>The first layer, seen from the logit, that does not keep what it was given; null if all do.</summary>
    public LayerRelevance? FirstLoss => Losses.FirstOrDefault();

    /// <summary>The share of the logit that reaches the pixels.</summary>
    public double Kept => Layers.Aggregate(1.0, (kept, layer) => kept * layer.Kept);

    /// <inheritdoc/>
    public override IEnumerable<KeyValuePair<string, double>> Numbers =>
    [
        .. Layers.Select(layer => new KeyValuePair<string, double>($"check.kept.{layer.Layer}", layer.Kept)),
        new("check.kept", Kept),
        .. Losses.Take(1).Select(loss => new KeyValuePair<string, double>($"check.first_loss.{loss.Layer}", 1 - loss.Kept)),
    ];

    private IEnumerable<LayerRelevance> Losses => Layers.Where(layer => !(Math.Abs(layer.Kept - 1) <= Tolerance));
}

/// <summary>The relevance at one layer.</summary>
/// <param name="Layer">Its name in torchvision's spelling.</param>
/// <param name="Given">Relevance of its output, summed.</param>
/// <param name="PassedOn">Relevance of its input, summed.</param>
public sealed record LayerRelevance(string Layer, double Given, double PassedOn)
{
    /// <summary>The share that it passes on; 1 where it was given none.</summary>
    public double Kept => Given == 0 ? 1 : PassedOn / Given;
}
