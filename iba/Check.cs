namespace Iba;

/// <summary>Figures by which a reader can check an attribution without trusting this program.</summary>
public abstract record Check
{
    /// <summary>The figures by name, as they are saved with a result.</summary>
    public abstract IEnumerable<KeyValuePair<string, double>> Numbers { get; }
}

/// <summary>
/// A spot check of the derivative: the change of the logit along the gradient, as predicted by the gradient and as measured on the network.
/// </summary>
/// <param name="Slope">The gradient's Euclidean norm: the steepest ascent, logit per unit of input.</param>
/// <param name="Measured">The central difference of the logit for a small step in that direction, per unit of input.</param>
public sealed record SlopeCheck(double Slope, double Measured) : Check
{
    /// <summary>|slope - measured| / |slope|. A ReLU that switches within the step increases it although nothing is wrong.</summary>
    public double Gap => Slope == Measured ? 0 : Math.Abs(Slope - Measured) / Math.Abs(Slope);

    /// <inheritdoc/>
    public override IEnumerable<KeyValuePair<string, double>> Numbers =>
        [new("check.gradient_norm", Slope), new("check.finite_difference", Measured), new("check.gap", Gap)];
}

/// <summary>
/// Completeness of integrated gradients: the attributions of all colour values sum to the change of the logit from the baseline.
/// </summary>
/// <param name="Sum">Sum of (input - baseline) x mean gradient over all colour values.</param>
/// <param name="LogitDifference">Logit of the input less logit of the baseline.</param>
public sealed record CompletenessCheck(double Sum, double LogitDifference) : Check
{
    /// <summary>|sum - difference| / |difference|: the error of the finite number of steps.</summary>
    public double Gap => Sum == LogitDifference ? 0 : Math.Abs(Sum - LogitDifference) / Math.Abs(LogitDifference);

    /// <inheritdoc/>
    public override IEnumerable<KeyValuePair<string, double>> Numbers =>
        [new("check.sum", Sum), new("check.logit_difference", LogitDifference), new("check.completeness_gap", Gap)];
}

/// <summary>How much relevance each layer preserves on the way from the logit to the pixels.</summary>
/// <param name="Layers">The layers, last to first.</param>
public sealed record ConservationCheck(IReadOnlyList<LayerRelevance> Layers) : Check
{
    /// <summary>A layer conserves relevance if it loses at most this fraction: the rounding of float32.</summary>
    public const double Tolerance = 1e-4;

    /// <summary>The layers that do not conserve relevance, from the logit on.</summary>
    public IEnumerable<LayerRelevance> Losses => Layers.Where(layer => !(Math.Abs(layer.Kept - 1) <= Tolerance));

    /// <summary>The fraction of the logit that reaches the pixels.</summary>
    public double Kept => Layers.Aggregate(1.0, (kept, layer) => kept * layer.Kept);

    /// <inheritdoc/>
    public override IEnumerable<KeyValuePair<string, double>> Numbers =>
    [
        .. Layers.Select(layer => new KeyValuePair<string, double>($"check.kept.{layer.Layer}", layer.Kept)),
        new("check.kept", Kept),
        .. Losses.Take(1).Select(loss => new KeyValuePair<string, double>($"check.first_loss.{loss.Layer}", 1 - loss.Kept)),
    ];
}

/// <summary>The relevance at one layer.</summary>
/// <param name="Layer">Its name in torchvision's spelling.</param>
/// <param name="Given">Relevance of its output, summed.</param>
/// <param name="PassedOn">Relevance of its input, summed.</param>
public sealed record LayerRelevance(string Layer, double Given, double PassedOn)
{
    /// <summary>The fraction that it passes on; 1 if it was given none.</summary>
    public double Kept => Given == 0 ? 1 : PassedOn / Given;
}
