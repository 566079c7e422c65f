using Iba.Engine.Backends;
using Tests.Textbook;

namespace Tests.Engine;

/// <summary>Compares the three verbs of a convolution with the textbook.</summary>
/// <param name="backend">The backend.</param>
/// <param name="tolerance">Relative to the largest expected value.</param>
public sealed class ConvolutionChecks(IBackend backend, double tolerance = ConvolutionChecks.Float32)
{
    /// <summary>
    /// A float32 sum of d random products has an error of about root(d) x 2^-24 of a typical sum; the sums here have up to 3000 terms and the largest
    /// sum exceeds a typical one, so errors up to 3e-6 are expected.
    /// </summary>
    public const double Float32 = 1e-5;

    /// <summary>
    /// Each factor is rounded by up to 2^-9 of itself, and the largest number of a sum of random products exceeds the sum of their errors by far
    /// more than the factor of five that this leaves.
    /// </summary>
    public const double BFloat16 = 1e-2;

    public void Values(ConvolutionCase c) => Check(
        ConvolutionTextbook.Forward(c.XNumbers, c.WNumbers, c.BiasNumbers, c.ResidualNumbers, c.Relu, c.Geometry),
        c.Forward, c.Typical.Values, $"{c}: values");

    public void DataGradient(ConvolutionCase c) => Check(
        c.Finished(ConvolutionTextbook.BackwardData(c.DyNumbers, c.WNumbers, c.X, c.Geometry), gated: true),
        c.BackwardData, c.Typical.DataGradient, $"{c}: gradient of the data");

    public void WeightGradient(ConvolutionCase c) => Check(
        c.Finished(ConvolutionTextbook.BackwardWeights(c.XNumbers, c.DyNumbers, c.W, c.Geometry), gated: false),
        c.BackwardWeights, c.Typical.WeightGradient, $"{c}: gradient of the weights");

    private void Check(Exact expected, Func<TestTensors, float[]> verb, double typical, string what)
    {
        using var numbers = new TestTensors(backend);
        Close.InMaxNorm(expected.Floats(), verb(numbers), tolerance, what, typical);
    }
}
