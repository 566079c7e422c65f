using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Tensors;

namespace Iba.Relevance;

/// <summary>
/// Wraps another rule and records the sum of relevance at each layer's output during the pass. Layers are sequential, so between two of
/// them all relevance is at one place, residual blocks or not.
/// </summary>
internal sealed class RelevanceLedger : BackwardRule, IDisposable
{
    private readonly BackwardRule _rule;
    private readonly IReadOnlyList<string> _layers;
    private readonly int _rows;
    private readonly IBackend _backend;
    private readonly Tensor _sums;

    /// <param name="rule">The rule that redistributes the relevance.</param>
    /// <param name="backend">The device of the sums.</param>
    /// <param name="layers">Names of the layers, first to last.</param>
    /// <param name="rows">Images in the batch.</param>
    public RelevanceLedger(BackwardRule rule, IBackend backend, IReadOnlyList<string> layers, int rows)
    {
        (_rule, _backend, _layers, _rows) = (rule, backend, layers, rows);
        _sums = backend.Allocate(new Shape(layers.Count + 1, rows));
    }

    /// <inheritdoc/>
    public override bool Backward(IBackend on, Value y, Tensor dy, Gradients d)
    {
        int layer = Enumerable.Range(0, _layers.Count).LastOrDefault(i => _layers[i] == y.Name, -1);
        if (layer >= 0)
            on.Sum(dy, 1, _sums.Rows(layer + 1, 1));
        return _rule.Backward(on, y, dy, d);
    }

    /// <inheritdoc/>
    public override bool RereadsInput(Value y, int input) => _rule.RereadsInput(y, input);

    /// <inheritdoc/>
    public override bool RereadsOutput(Value y) => _rule.RereadsOutput(y);

    /// <inheritdoc/>
    public override IEnumerable<Shape> Scratch(Value y) => _rule.Scratch(y);

    /// <summary>How much relevance each layer conserved in the last pass, for each image.</summary>
    /// <param name="input">The relevance that reached the images.</param>
    public ConservationCheck[] Read(Tensor input)
    {
        _backend.Sum(input, 1, _sums.Rows(0, 1));
        float[] sums = _backend.Read(_sums);
        return [.. Enumerable.Range(0, _rows).Select(row => new ConservationCheck([.. _layers.Index().Reverse().Select(layer =>
            new LayerRelevance(layer.Item, sums[(layer.Index + 1) * _rows + row], sums[layer.Index * _rows + row]))]))];
    }

    /// <inheritdoc/>
    public void Dispose() => _sums.Storage.Dispose();
}
