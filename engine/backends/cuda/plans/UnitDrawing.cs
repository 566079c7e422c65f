using Iba.Engine.Tensors;

namespace Iba.Engine.Backends.Cuda.Plans;

/// <summary>A backend without a device: it allocates and computes nothing, and tells which convolution units a GPU would be asked for.</summary>
/// <param name="precision">The precision of the GPU.</param>
/// <param name="drawn">Called for every convolution, with its weights (or their gradient).</param>
internal sealed class UnitDrawing(Precision precision, Action<Tensor, ConvolutionUnit> drawn) : Backend(new Verbs(precision, drawn))
{
    private sealed class Nothing(long count) : IStorage
    {
        public long Count => count;

        public void Dispose()
        {
        }
    }

    private sealed class Verbs(Precision precision, Action<Tensor, ConvolutionUnit> drawn) : IVerbs
    {
        public string Name => $"a drawing, {precision.Word()}";

        public Element Activations => precision == Precision.BFloat16 ? Element.BFloat16 : Element.Float32;
        public bool PrefersSubsampling => true;
        public bool Owns(IStorage storage) => storage is Nothing;
        public Tensor Allocate(Shape shape) => new(shape, new Nothing(shape.Count));
        public void Download(Tensor from, Span<float> to) => to.Clear();

        public void Convolution(Tensor x, Tensor w, Tensor? bias, Tensor? residual, bool relu, ConvGeometry geometry, Tensor y) =>
            drawn(w, ConvolutionUnit.Of(Direction.Forward, new Operands(x, w, y, bias, residual), geometry, precision) with { Relu = relu });

        public void ConvolutionBackwardData(Tensor dy, Tensor w, ConvGeometry geometry, Accumulator dx) => drawn(w, ConvolutionUnit.Of(
            Direction.BackwardData, new Operands(dx.Tensor, w, dy, null, dx.Adds ? dx.Tensor : null, dx.Gate), geometry, precision));

        public void ConvolutionBackwardWeights(Tensor x, Tensor dy, ConvGeometry geometry, Accumulator dw) => drawn(dw.Tensor, ConvolutionUnit.Of(
            Direction.BackwardWeights, new Operands(x, dw.Tensor, dy, null, dw.Adds ? dw.Tensor : null), geometry, precision));

        public void Dispose() { }
        public void Reclaim() { }
        public void Upload(ReadOnlySpan<float> from, Tensor to) { }
        public void Fill(Tensor x, float value) { }
        public void Copy(Tensor from, Tensor to) { }
        public void Convert(Tensor x, Tensor y, bool adds) { }
        public void Map<F>(F f, Tensor x, Tensor y) where F : struct, IUnary { }
        public void MapBackward<F>(F f, Tensor x, Tensor y, Tensor dy, Accumulator dx) where F : struct, IUnary { }
        public void Add(Tensor a, Tensor b, Tensor y) { }
        public void Multiply(Tensor a, Tensor b, Tensor y) { }
        public void MultiplyBackward(Tensor dy, Tensor other, Accumulator dx) { }
        public void Ratio(Tensor a, Tensor b, float epsilon, Tensor y) { }
        public void Accumulate(Tensor dy, Accumulator dx) { }
        public void Gate(Tensor y, Tensor dy) { }
        public void Sum(Tensor x, float factor, Tensor y) { }
        public void SumBackward(Tensor dy, float factor, Accumulator dx) { }
        public void Linear(Tensor x, Tensor w, Tensor? bias, bool relu, Tensor y) { }
        public void LinearBackwardData(Tensor dy, Tensor w, Accumulator dx) { }
        public void LinearBackwardWeights(Tensor x, Tensor dy, Accumulator dw) { }
        public void BiasBackward(Tensor dy, Accumulator db) { }
        public void MaxPool(Tensor x, ConvGeometry geometry, Tensor y) { }
        public void MaxPoolBackward(Tensor x, Tensor y, Tensor dy, ConvGeometry geometry, Accumulator dx) { }
        public void AdaptiveAveragePool(Tensor x, Tensor y) { }
        public void AdaptiveAveragePoolBackward(Tensor dy, Accumulator dx) { }
        public void Subsample(Tensor x, int stride, Tensor y) { }
        public void SubsampleBackward(Tensor dy, int stride, Accumulator dx) { }
        public void Resize(Tensor x, Corners corners, Tensor y) { }
        public void ResizeBackward(Tensor dy, Corners corners, Accumulator dx) { }
        public void Blur(Tensor x, Tensor taps, Tensor y) { }
        public void BlurBackward(Tensor dy, Tensor taps, Accumulator dx) { }
        public void CrossEntropy(Tensor logits, Tensor targets, Tensor y) { }
        public void CrossEntropyBackward(Tensor logits, Tensor targets, Tensor dy, Accumulator dlogits) { }
        public void Standardise(Tensor x, Tensor mean, Tensor std, Tensor y) { }
        public void Restrict(Tensor x, Tensor λ, Tensor mean, Tensor std, Tensor active, Noise noise, bool clamp, Tensor z) { }
        public void RestrictBackward(
            Tensor x, Tensor mean, Tensor std, Tensor active, Noise noise, bool clamp, Tensor z, Tensor dz, Accumulator dλ)
        { }
        public void Information(Tensor r, Tensor λ, Tensor active, Tensor y) { }
        public void InformationBackward(Tensor r, Tensor λ, Tensor active, Tensor dy, Accumulator dλ) { }
        public void AddNoise(Tensor x, Noise noise, float scale, Tensor y) { }
        public void Adam(Tensor p, Tensor dp, Tensor m, Tensor v, Tensor step, AdamSettings settings) { }
        public void SgdMomentum(Tensor p, Tensor dp, Tensor velocity, SgdSettings settings) { }
        public void Append(Tensor x, Tensor step, Tensor history) { }
        public void Advance(Tensor step) { }
    }
}
