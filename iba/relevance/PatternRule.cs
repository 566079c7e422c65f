using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Networks;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;

namespace Iba.Relevance;

/// <summary>
/// PatternAttribution (Kindermans et al. 2018, arXiv 1705.05598): the gradient with every weight multiplied by its pattern. ReLUs and pools
/// keep their derivatives. A pattern's product with its weights is 1, so a weighted sum conserves relevance. The sum of a residual block
/// conserves it as well, because it redistributes relevance in proportion to positive contributions, as under LRP.
/// </summary>
public sealed class PatternRule : BackwardRule, IDisposable
{
    private readonly Dictionary<string, Tensor> _products = [];

    /// <param name="network">The classifier.</param>
    /// <param name="patterns">A pattern for each of its weights.</param>
    /// <exception cref="PatternsException">The patterns belong to another network.</exception>
    public PatternRule(Network network, Patterns patterns)
    {
        patterns.MustFit(network);
        foreach (Parameter weight in Patterns.WeightsOf(network))
        {
            Tensor product = network.Backend.Allocate(weight.Data.Shape);
            network.Backend.Upload(patterns[weight.Name], product);
            network.Backend.Multiply(product, weight.Data, product);
            _products[weight.Name] = product;
        }
    }

    /// <inheritdoc/>
    public override bool Backward(IBackend on, Value y, Tensor dy, Gradients d)
    {
        if (y.Op is Add)
        {
            ResidualShare.Backward(on, y, dy, d);
            return true;
        }
        if (WeightedSum.Of(y) is not { } sum)
            return false;
        sum.Transpose(on, dy, _products[sum.W.Name], d.Into(sum.X));
        return true;
    }

    /// <inheritdoc/>
    public override bool RereadsInput(Value y, int input) => y.Op is Add;

    /// <inheritdoc/>
    public override IEnumerable<Shape> Scratch(Value y) => y.Op is Add ? ResidualShare.Scratch(y) : [];

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Tensor product in _products.Values)
            product.Storage.Dispose();
        _products.Clear();
    }
}
