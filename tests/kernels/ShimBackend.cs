using Iba.Engine.Backends;
using Iba.Engine.Backends.Cuda;
using Iba.Engine.Tensors;

namespace Tests.Kernels;

/// <summary>A backend whose every verb is the CUDA backend's launches, run by the CPU: what holds for it holds for the kernels.</summary>
internal sealed class ShimBackend(ShimDevice device) : IBackend
{
    public string Name => "CUDA kernels on the CPU";

    public Tensor Allocate(Shape shape) => device.State(shape, new float[shape.Count]);

    public void Upload(ReadOnlySpan<float> from, Tensor to) => from.CopyTo(ShimDevice.Span(to));

    public void Download(Tensor from, Span<float> to) => ShimDevice.Span(from).CopyTo(to);

    public void Fill(Tensor x, float value) => device.Run(Launch.Fill(x, value));

    public void Copy(Tensor from, Tensor to) => device.Run(Launch.Copy(from, to));

    public void Map<F>(F f, Tensor x, Tensor y) where F : struct, IUnary => device.Run(Launch.Map(f, x, y));

    public void MapBackward<F>(F f, Tensor x, Tensor y, Tensor dy, Accumulator dx) where F : struct, IUnary =>
        device.Run(Launch.MapBackward(f, x, y, dy, dx));

    public void Add(Tensor a, Tensor b, Tensor y) => device.Run(Launch.Add(a, b, y));

    public void Multiply(Tensor a, Tensor b, Tensor y) => device.Run(Launch.Multiply(a, b, y));

    public void MultiplyBackward(Tensor dy, Tensor other, Accumulator dx) => device.Run(Launch.MultiplyBackward(dy, other, dx));

    public void Ratio(Tensor a, Tensor b, float epsilon, Tensor y) => device.Run(Launch.Ratio(a, b, epsilon, y));

    public void Accumulate(Tensor dy, Accumulator dx) => device.Run(Launch.Accumulate(dy, dx));

    public void Gate(Tensor y, Tensor dy) => device.Run(Launch.Gate(y, dy));

    public void Sum(Tensor x, float factor, Tensor y)
    {
        if (Launch.SumScratch(x, y) is long bytes && bytes == 0)
        {
            device.Run(Launch.Sum(x, factor, y));
            return;
        }
        nint partial = device.Scratch(bytes);
        device.Run(Launch.SumChunks(x, partial, y));
        device.Run(Launch.SumTotal(x, partial, factor, y));
    }

    public void SumBackward(Tensor dy, float factor, Accumulator dx) => device.Run(Launch.SumBackward(dy, factor, dx));

    public void Linear(Tensor x, Tensor w, Tensor? bias, bool relu, Tensor y) => device.Run(Launch.Linear(x, w, bias, relu, y));

    public void LinearBackwardData(Tensor dy, Tensor w, Accumulator dx) => device.Run(Launch.LinearBackwardData(dy, w, dx));

    public void LinearBackwardWeights(Tensor x, Tensor dy, Accumulator dw) => device.Run(Launch.LinearBackwardWeights(x, dy, dw));

    public void BiasBackward(Tensor dy, Accumulator db)
    {
        nint partial = device.Scratch(Launch.BiasScratch(dy));
        device.Run(Launch.BiasChunks(dy, partial));
        device.Run(Launch.BiasTotal(dy, partial, db));
    }

    public void Convolution(Tensor x, Tensor w, Tensor? bias, Tensor? residual, bool relu, ConvGeometry geometry, Tensor y) =>
        device.Run(Launch.Convolution(x, w, bias, residual, relu, geometry, y));

    public void ConvolutionBackwardData(Tensor dy, Tensor w, ConvGeometry geometry, Accumulator dx) =>
        device.Run(Launch.ConvolutionBackwardData(dy, w, geometry, dx));

    public void ConvolutionBackwardWeights(Tensor x, Tensor dy, ConvGeometry geometry, Accumulator dw) =>
        device.Run(Launch.ConvolutionBackwardWeights(x, dy, geometry, dw));

    public void MaxPool(Tensor x, ConvGeometry geometry, Tensor y) => device.Run(Launch.MaxPool(x, geometry, y));

    public void MaxPoolBackward(Tensor x, Tensor y, Tensor dy, ConvGeometry geometry, Accumulator dx) =>
        device.Run(Launch.MaxPoolBackward(x, y, dy, geometry, dx));

    public void AdaptiveAveragePool(Tensor x, Tensor y) => device.Run(Launch.AdaptiveAveragePool(x, y));

    public void AdaptiveAveragePoolBackward(Tensor dy, Accumulator dx) => device.Run(Launch.AdaptiveAveragePoolBackward(dy, dx));

    public void Resize(Tensor x, Corners corners, Tensor y) => device.Run(Launch.Resize(x, corners, y));

    public void ResizeBackward(Tensor dy, Corners corners, Accumulator dx) => device.Run(Launch.ResizeBackward(dy, corners, dx));

    public void Blur(Tensor x, Tensor taps, Tensor y)
    {
        if (Launch.BlurFits(x.Shape, taps.Shape.Count))
        {
            device.Run(Launch.Blur(x, taps, y));
            return;
        }
        Tensor between = device.Output(x.Shape);
        device.Run(Launch.BlurAxis(x, taps, axis: 1, between));
        device.Run(Launch.BlurAxis(between, taps, axis: 2, y));
    }

    public void BlurBackward(Tensor dy, Tensor taps, Accumulator dx)
    {
        if (Launch.BlurFits(dy.Shape, taps.Shape.Count))
        {
            device.Run(Launch.BlurBackward(dy, taps, dx));
            return;
        }
        Tensor between = device.Output(dy.Shape);
        device.Run(Launch.BlurAxisBackward(dy, taps, axis: 1, new Accumulator(between, Adds: false)));
        device.Run(Launch.BlurAxisBackward(between, taps, axis: 2, dx));
    }

    public void CrossEntropy(Tensor logits, Tensor targets, Tensor y) => device.Run(Launch.CrossEntropy(logits, targets, y));

    public void CrossEntropyBackward(Tensor logits, Tensor targets, Tensor dy, Accumulator dlogits) =>
        device.Run(Launch.CrossEntropyBackward(logits, targets, dy, dlogits));

    public void Standardise(Tensor x, Tensor mean, Tensor std, Tensor y) => device.Run(Launch.Standardise(x, mean, std, y));

    public void Restrict(Tensor x, Tensor λ, Tensor mean, Tensor std, Tensor active, Noise noise, bool clamp, Tensor z) =>
        device.Run(Launch.Restrict(x, λ, mean, std, active, noise, clamp, z));

    public void RestrictBackward(
        Tensor x, Tensor mean, Tensor std, Tensor active, Noise noise, bool clamp, Tensor z, Tensor dz, Accumulator dλ) =>
        device.Run(Launch.RestrictBackward(x, mean, std, active, noise, clamp, z, dz, dλ));

    public void Information(Tensor r, Tensor λ, Tensor active, Tensor y) => device.Run(Launch.Information(r, λ, active, y));

    public void InformationBackward(Tensor r, Tensor λ, Tensor active, Tensor dy, Accumulator dλ) =>
        device.Run(Launch.InformationBackward(r, λ, active, dy, dλ));

    public void AddNoise(Tensor x, Noise noise, float scale, Tensor y) => device.Run(Launch.AddNoise(x, noise, scale, y));

    public void Adam(Tensor p, Tensor dp, Tensor m, Tensor v, Tensor step, AdamSettings settings) =>
        device.Run(Launch.Adam(p, dp, m, v, step, settings));

    public void SgdMomentum(Tensor p, Tensor dp, Tensor velocity, SgdSettings settings) =>
        device.Run(Launch.SgdMomentum(p, dp, velocity, settings));

    public void Append(Tensor x, Tensor step, Tensor history) => device.Run(Launch.Append(x, step, history));

    public void Advance(Tensor step) => device.Run(Launch.Advance(step));

    public void Dispose() => device.Dispose();
}
