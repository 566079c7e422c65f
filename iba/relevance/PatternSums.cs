using Iba.Engine.Backends;
using Iba.Engine.Ops;
using Iba.Engine.Tensors;

namespace Iba.Relevance;

/// <summary>
/// The sums over all inputs x (patches, for a convolution) and outputs y of one weight w that determine its pattern:
/// a = (E[x y] - E[x] E[y]) / (wᵀ of the same). For the two-component estimator, every E that involves x is taken over the inputs with y >
/// 0 only. A bias in y changes nothing: it cancels in the difference.
/// </summary>
internal sealed class PatternSums : IDisposable
{
    private readonly IBackend _on;
    private readonly bool _whereOn;
    private readonly Tensor _xy;
    private readonly Tensor _x;
    private readonly Tensor _perOutput;
    private readonly double[] _y;
    private readonly double[] _count;
    private readonly float[] _host;
    private readonly TensorScope _tensors;
    private long _all;
    private bool _begun;

    /// <param name="on">The device of the sums, which have twice the elements of the weight.</param>
    /// <param name="sum">The weighted sum.</param>
    /// <param name="whereOn">Whether only inputs that activate the neuron count.</param>
    public PatternSums(IBackend on, WeightedSum sum, bool whereOn)
    {
        (_on, _whereOn) = (on, whereOn);
        Shape w = sum.W.Shape;
        _tensors = new TensorScope(on);
        _xy = _tensors.Allocate(w);
        _x = _tensors.Allocate(whereOn ? w : w.WithN(1));
        _perOutput = _tensors.Allocate(new Shape(w.N));
        _host = new float[w.N];
        (_y, _count) = (new double[w.N], new double[w.N]);
    }

    /// <summary>Adds a batch.</summary>
    public void Add(WeightedSum sum)
    {
        Tensor y = sum.Line.Data;
        Shape flags = _whereOn ? y.Shape : new Shape([.. y.Shape.Dims[..^1], 1]);
        using var passing = new TensorScope(_on);
        Tensor flag = passing.Allocate(flags), positive = passing.Allocate(y.Shape);
        AddTo(_y, y);
        if (_whereOn)
        {
            // The derivative of a ReLU is 1 where it is active.
            _on.Fill(positive, 1);
            _on.MapBackward(new Relu(), y, y, positive, new Accumulator(flag, Adds: false));
            _on.Map(new Relu(), y, positive);
            AddTo(_count, flag);
            y = positive;
        }
        else
        {
            _on.Fill(flag, 1);
        }
        sum.Correlate(_on, y, new Accumulator(_xy, _begun));
        sum.Correlate(_on, flag, new Accumulator(_x, _begun));
        _all += sum.Line.Shape.Count / _y.Length;
        _begun = true;
    }

    /// <summary>The pattern of each output, in the weight's layout; 0 for an output that never varied or was never active.</summary>
    public float[] Finish(Tensor weight)
    {
        float[] xy = _on.Read(_xy), x = _on.Read(_x), w = _on.Read(weight);
        var pattern = new float[w.Length];
        int inputs = w.Length / _y.Length;
        var covariance = new double[inputs];
        for (int k = 0; k < _y.Length; k++)
        {
            double count = _whereOn ? _count[k] : _all, mean = _y[k] / _all, scale = 0;
            for (int i = 0; i < inputs && count > 0; i++)
            {
                covariance[i] = (xy[k * inputs + i] - x[_whereOn ? k * inputs + i : i] * mean) / count;
                scale += w[k * inputs + i] * covariance[i];
            }
            for (int i = 0; i < inputs && scale != 0; i++)
                pattern[k * inputs + i] = (float)(covariance[i] / scale);
        }
        return pattern;
    }

    /// <inheritdoc/>
    public void Dispose() => _tensors.Dispose();

    /// <summary>Adds the sum of every output; sums over batches are in double.</summary>
    private void AddTo(double[] sums, Tensor y)
    {
        _on.BiasBackward(y, new Accumulator(_perOutput, Adds: false));
        _on.Download(_perOutput, _host);
        for (int k = 0; k < sums.Length; k++)
            sums[k] += _host[k];
    }
}
