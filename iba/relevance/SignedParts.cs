using Iba.Engine.Autograd;
using Iba.Engine.Backends;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;

namespace Iba.Relevance;

/// <summary>The positive or negative parts of weights, computed when they are first needed.</summary>
internal sealed class SignedParts : IDisposable
{
    private readonly Dictionary<(Tensor Weights, bool Positive), Tensor> _parts = [];

    /// <summary>max(w, 0) or min(w, 0).</summary>
    public Tensor Of(IBackend on, Value w, bool positive)
    {
        if (!_parts.TryGetValue((w.Data, positive), out Tensor? part))
        {
            _parts[(w.Data, positive)] = part = on.Allocate(w.Shape);
            on.Map(positive ? new Clamp(0, float.PositiveInfinity) : new Clamp(float.NegativeInfinity, 0), w, part);
        }
        return part;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (Tensor part in _parts.Values)
            part.Storage.Dispose();
        _parts.Clear();
    }
}
