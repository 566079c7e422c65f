using Iba.Engine.Tensors;

namespace Iba.Engine.Backends;

public abstract partial class Backend
{
    private const string OneImageSize = "x and y (N, H, W, C) with equal N and C";
    private const string Rows = "logits (N, K), a target and a y for each row";
    private const string Restricted = "x and λ (I, H, W, C), mean, std and active (1, H, W, C), z (I x copies, H, W, C), images (I) and a step (1)";

    /// <inheritdoc/>
    public void Fill(Tensor x, float value)
    {
        using Call call = Enter();
        call.Given(x);
        _verbs.Fill(x, value);
    }

    /// <inheritdoc/>
    public void Copy(Tensor from, Tensor to)
    {
        using Call call = Enter();
        call.Equal(from, to);
        _verbs.Copy(from, to);
    }

    /// <inheritdoc/>
    public void Convert(Tensor x, Tensor y, bool adds = false)
    {
        using Call call = Enter().OfActivations();
        call.Given(x, y);
        call.Fits(x.Element != y.Element && x.Shape.Count / x.Shape.C == y.Shape.Count / y.Shape.C,
            "x and y of different element types and with the same number of pixels", x, y);
        _verbs.Convert(x, y, adds);
    }

    /// <inheritdoc/>
    public void Map<F>(F f, Tensor x, Tensor y) where F : struct, IUnary
    {
        using Call call = F.IsRelu ? Enter().OfActivations() : Enter();
        call.Equal(x, y);
        call.Alike(x, y);
        _verbs.Map(f, x, y);
    }

    /// <inheritdoc/>
    public void MapBackward<F>(F f, Tensor x, Tensor y, Tensor dy, Accumulator dx) where F : struct, IUnary
    {
        using Call call = Enter();
        call.Equal(x, y, dy, dx.Tensor);
        _verbs.MapBackward(f, x, y, dy, dx);
    }

    /// <inheritdoc/>
    public void Add(Tensor a, Tensor b, Tensor y)
    {
        using Call call = Enter();
        call.Equal(a, b, y);
        _verbs.Add(a, b, y);
    }

    /// <inheritdoc/>
    public void Multiply(Tensor a, Tensor b, Tensor y)
    {
        using Call call = Enter();
        call.Equal(a, b, y);
        _verbs.Multiply(a, b, y);
    }

    /// <inheritdoc/>
    public void MultiplyBackward(Tensor dy, Tensor other, Accumulator dx)
    {
        using Call call = Enter();
        call.Equal(dy, other, dx.Tensor);
        _verbs.MultiplyBackward(dy, other, dx);
    }

    /// <inheritdoc/>
    public void Ratio(Tensor a, Tensor b, float epsilon, Tensor y)
    {
        using Call call = Enter();
        call.Equal(a, b, y);
        _verbs.Ratio(a, b, epsilon, y);
    }

    /// <inheritdoc/>
    public void Accumulate(Tensor dy, Accumulator dx)
    {
        using Call call = Enter().OfActivations();
        call.Equal(dy, dx.Tensor);
        call.Alike(dy, dx.Tensor);
        _verbs.Accumulate(dy, dx);
    }

    /// <inheritdoc/>
    public void Gate(Tensor y, Tensor dy)
    {
        using Call call = Enter().OfActivations();
        call.Equal(y, dy);
        call.Alike(y, dy);
        _verbs.Gate(y, dy);
    }

    /// <inheritdoc/>
    public void Sum(Tensor x, float factor, Tensor y)
    {
        using Call call = Enter();
        call.Given(x, y);
        call.Fits(x.Shape.Count % y.Shape.Count == 0, "a y whose count divides x's", x, y);
        _verbs.Sum(x, factor, y);
    }

    /// <inheritdoc/>
    public void SumBackward(Tensor dy, float factor, Accumulator dx)
    {
        using Call call = Enter();
        call.Given(dy, dx.Tensor);
        call.Fits(dx.Tensor.Shape.Count % dy.Shape.Count == 0, "a dy whose count divides dx's", dy, dx.Tensor);
        _verbs.SumBackward(dy, factor, dx);
    }

    /// <inheritdoc/>
    public void Linear(Tensor x, Tensor w, Tensor? bias, bool relu, Tensor y)
    {
        using Call call = Enter();
        call.Given(x, w, y);
        call.Perhaps(bias);
        call.Fits(IsLinear(x, w, y) && (bias is null || bias.Shape.Count == w.Shape.N), "x (N, ...), w (K, C), a bias (K) and y (N, K)", x, w, bias, y);
        _verbs.Linear(x, w, bias, relu, y);
    }

    /// <inheritdoc/>
    public void LinearBackwardData(Tensor dy, Tensor w, Accumulator dx)
    {
        using Call call = Enter();
        call.Given(dy, w, dx.Tensor);
        call.Perhaps(dx.Gate);
        call.Fits(IsLinear(dx.Tensor, w, dy) && GateFits(dx), "dy (N, K), w (K, C) and dx (N, ...)", dy, w, dx.Tensor, dx.Gate);
        _verbs.LinearBackwardData(dy, w, dx);
    }

    /// <inheritdoc/>
    public void LinearBackwardWeights(Tensor x, Tensor dy, Accumulator dw)
    {
        using Call call = Enter();
        call.Given(x, dy, dw.Tensor);
        call.Fits(IsLinear(x, dw.Tensor, dy), "x (N, ...), dy (N, K) and dw (K, C)", x, dy, dw.Tensor);
        _verbs.LinearBackwardWeights(x, dy, dw);
    }

    /// <inheritdoc/>
    public void BiasBackward(Tensor dy, Accumulator db)
    {
        using Call call = Enter();
        call.Given(dy, db.Tensor);
        call.Fits(dy.Shape.Rank > 0 && db.Tensor.Shape.Count == dy.Shape.C, "dy (..., K) and db (K)", dy, db.Tensor);
        _verbs.BiasBackward(dy, db);
    }

    /// <inheritdoc/>
    public void Convolution(Tensor x, Tensor w, Tensor? bias, Tensor? residual, bool relu, ConvGeometry geometry, Tensor y)
    {
        using Call call = Enter().OfActivations();
        call.Given(x, w, y);
        call.Perhaps(bias);
        call.Perhaps(residual);
        call.Fits(
            IsConvolution(x, w, geometry, y) && (bias is null || bias.Shape.Count == w.Shape.N)
                && (residual is null || residual.Shape.Count == y.Shape.Count),
            "x (N, H, W, C), w (K, R, S, C), a bias (K), a residual and y (N, P, Q, K)", x, w, bias, residual, y);
        call.Alike(x, residual, y);
        call.Floats(w, bias);
        _verbs.Convolution(x, w, bias, residual, relu, geometry, y);
    }

    /// <inheritdoc/>
    public void ConvolutionBackwardData(Tensor dy, Tensor w, ConvGeometry geometry, Accumulator dx)
    {
        using Call call = Enter().OfActivations();
        call.Given(dy, w, dx.Tensor);
        call.Perhaps(dx.Gate);
        call.Fits(IsConvolution(dx.Tensor, w, geometry, dy) && GateFits(dx), "dy (N, P, Q, K), w (K, R, S, C) and dx (N, H, W, C)", dy, w, dx.Tensor, dx.Gate);
        call.Alike(dy, dx.Tensor, dx.Gate);
        call.Floats(w);
        _verbs.ConvolutionBackwardData(dy, w, geometry, dx);
    }

    /// <inheritdoc/>
    public void ConvolutionBackwardWeights(Tensor x, Tensor dy, ConvGeometry geometry, Accumulator dw)
    {
        using Call call = Enter();
        call.Given(x, dy, dw.Tensor);
        call.Fits(IsConvolution(x, dw.Tensor, geometry, dy), "x (N, H, W, C), dy (N, P, Q, K) and dw (K, R, S, C)", x, dy, dw.Tensor);
        _verbs.ConvolutionBackwardWeights(x, dy, geometry, dw);
    }

    /// <inheritdoc/>
    public void MaxPool(Tensor x, ConvGeometry geometry, Tensor y)
    {
        using Call call = Enter().OfActivations();
        call.Given(x, y);
        call.Fits(IsPooling(x, geometry, y), OneImageSize, x, y);
        call.Alike(x, y);
        _verbs.MaxPool(x, geometry, y);
    }

    /// <inheritdoc/>
    public void MaxPoolBackward(Tensor x, Tensor y, Tensor dy, ConvGeometry geometry, Accumulator dx)
    {
        using Call call = Enter().OfActivations();
        call.Equal(x, dx.Tensor);
        call.Equal(y, dy);
        call.Fits(IsPooling(x, geometry, y), OneImageSize, x, y);
        call.Alike(x, y, dy, dx.Tensor);
        _verbs.MaxPoolBackward(x, y, dy, geometry, dx);
    }

    /// <inheritdoc/>
    public void AdaptiveAveragePool(Tensor x, Tensor y)
    {
        using Call call = Enter().OfActivations();
        call.Given(x, y);
        call.Fits(AreImages(x, y), OneImageSize, x, y);
        call.Floats(y);
        _verbs.AdaptiveAveragePool(x, y);
    }

    /// <inheritdoc/>
    public void AdaptiveAveragePoolBackward(Tensor dy, Accumulator dx)
    {
        using Call call = Enter().OfActivations();
        call.Given(dy, dx.Tensor);
        call.Perhaps(dx.Gate);
        call.Fits(AreImages(dy, dx.Tensor) && GateFits(dx), OneImageSize, dy, dx.Tensor, dx.Gate);
        call.Alike(dx.Tensor, dx.Gate);
        call.Floats(dy);
        _verbs.AdaptiveAveragePoolBackward(dy, dx);
    }

    /// <inheritdoc/>
    public void Subsample(Tensor x, int stride, Tensor y)
    {
        using Call call = Enter().OfActivations();
        call.Given(x, y);
        call.Fits(IsPooling(x, new ConvGeometry(1, stride), y), OneImageSize, x, y);
        call.Alike(x, y);
        _verbs.Subsample(x, stride, y);
    }

    /// <inheritdoc/>
    public void SubsampleBackward(Tensor dy, int stride, Accumulator dx)
    {
        using Call call = Enter().OfActivations();
        call.Given(dy, dx.Tensor);
        call.Perhaps(dx.Gate);
        call.Fits(IsPooling(dx.Tensor, new ConvGeometry(1, stride), dy) && GateFits(dx), OneImageSize, dy, dx.Tensor, dx.Gate);
        call.Alike(dy, dx.Tensor, dx.Gate);
        _verbs.SubsampleBackward(dy, stride, dx);
    }

    /// <inheritdoc/>
    public bool ComputesWindows => _verbs.ComputesWindows;

    /// <inheritdoc/>
    public int Tile(Shape x, Shape w, ConvGeometry geometry) => _verbs.Tile(x, w, geometry);

    /// <inheritdoc/>
    public void Inlay(Tensor whole, Tensor windows, ReadOnlySpan<InlayPlace> places, Tensor y)
    {
        using Call call = Enter();
        call.Given(whole, windows, y);
        call.Fits(
            whole.Shape.Rank == 4 && windows.Shape.Rank == 4 && y.Shape.Rank == 4 && whole.Shape.N == 1 && whole.Shape.C == y.Shape.C
                && windows.Shape.C == y.Shape.C && (windows.Shape.N == 1 || windows.Shape.N == y.Shape.N) && places.Length == y.Shape.N
                && Lie(places, whole.Shape, windows.Shape),
            "a whole image (1, H, W, C), windows (N or 1, h, w, C), y (N, P, Q, C), and N places with parts of both", whole, windows, y);
        _verbs.Inlay(whole, windows, places, y);
    }

    /// <inheritdoc/>
    public void Resize(Tensor x, Corners corners, Tensor y)
    {
        using Call call = Enter();
        call.Given(x, y);
        call.Fits(AreImages(x, y), OneImageSize, x, y);
        _verbs.Resize(x, corners, y);
    }

    /// <inheritdoc/>
    public void ResizeBackward(Tensor dy, Corners corners, Accumulator dx)
    {
        using Call call = Enter();
        call.Given(dy, dx.Tensor);
        call.Fits(AreImages(dy, dx.Tensor), OneImageSize, dy, dx.Tensor);
        _verbs.ResizeBackward(dy, corners, dx);
    }

    /// <inheritdoc/>
    public void Blur(Tensor x, Tensor taps, Tensor y)
    {
        using Call call = Enter();
        call.Given(x, taps, y);
        call.Fits(IsBlur(x, taps, y), "x and y (N, H, W, C), higher and wider than half the odd number of taps", x, taps, y);
        _verbs.Blur(x, taps, y);
    }

    /// <inheritdoc/>
    public void BlurBackward(Tensor dy, Tensor taps, Accumulator dx)
    {
        using Call call = Enter();
        call.Given(dy, taps, dx.Tensor);
        call.Fits(IsBlur(dy, taps, dx.Tensor), "dy and dx (N, H, W, C), higher and wider than half the odd number of taps", dy, taps, dx.Tensor);
        _verbs.BlurBackward(dy, taps, dx);
    }

    /// <inheritdoc/>
    public void CrossEntropy(Tensor logits, Tensor targets, Tensor y)
    {
        using Call call = Enter();
        call.Given(logits, targets, y);
        call.Fits(AreRows(logits, targets, y), Rows, logits, targets, y);
        _verbs.CrossEntropy(logits, targets, y);
    }

    /// <inheritdoc/>
    public void CrossEntropyBackward(Tensor logits, Tensor targets, Tensor dy, Accumulator dlogits)
    {
        using Call call = Enter();
        call.Given(targets, dy);
        call.Equal(logits, dlogits.Tensor);
        call.Fits(AreRows(logits, targets, dy), Rows, logits, targets, dy);
        _verbs.CrossEntropyBackward(logits, targets, dy, dlogits);
    }

    /// <inheritdoc/>
    public void Standardise(Tensor x, Tensor mean, Tensor std, Tensor y)
    {
        using Call call = Enter();
        call.Equal(x, y);
        call.Equal(mean, std);
        call.Fits(IsRowOf(mean, x), "x and y (I, H, W, C), mean and std (1, H, W, C)", x, mean, std, y);
        _verbs.Standardise(x, mean, std, y);
    }

    /// <inheritdoc/>
    public void Restrict(Tensor x, Tensor λ, Tensor mean, Tensor std, Tensor active, Noise noise, bool clamp, Tensor z)
    {
        using Call call = Enter().OfActivations();
        call.Equal(x, λ);
        call.Equal(mean, std, active);
        call.Given(noise.Images, noise.Step, z);
        call.Perhaps(noise.Recorded);
        call.Fits(IsRowOf(mean, x) && AreRepeated(x, z) && IsNoise(noise, x.Shape.N, z), Restricted, x, λ, mean,
            std, active, noise.Images, noise.Step, noise.Recorded, z);
        call.Floats(x, λ, mean, std, active, noise.Images, noise.Step, noise.Recorded);
        _verbs.Restrict(x, λ, mean, std, active, noise, clamp, z);
    }

    /// <inheritdoc/>
    public void RestrictBackward(
        Tensor x, Tensor mean, Tensor std, Tensor active, Noise noise, bool clamp, Tensor z, Tensor dz, Accumulator dλ)
    {
        using Call call = Enter().OfActivations();
        call.Equal(x, dλ.Tensor);
        call.Equal(mean, std, active);
        call.Equal(z, dz);
        call.Given(noise.Images, noise.Step);
        call.Perhaps(noise.Recorded);
        call.Fits(IsRowOf(mean, x) && AreRepeated(x, z) && IsNoise(noise, x.Shape.N, z), Restricted, x, mean,
            std, active, noise.Images, noise.Step, noise.Recorded, z);
        call.Alike(z, dz);
        call.Floats(x, mean, std, active, noise.Images, noise.Step, noise.Recorded, dλ.Tensor);
        _verbs.RestrictBackward(x, mean, std, active, noise, clamp, z, dz, dλ);
    }

    /// <inheritdoc/>
    public void Information(Tensor r, Tensor λ, Tensor active, Tensor y)
    {
        using Call call = Enter();
        call.Given(active);
        call.Equal(r, λ, y);
        call.Fits(IsRowOf(active, r), "r, λ and y (I, H, W, C), active (1, H, W, C)", r, λ, active, y);
        _verbs.Information(r, λ, active, y);
    }

    /// <inheritdoc/>
    public void InformationBackward(Tensor r, Tensor λ, Tensor active, Tensor dy, Accumulator dλ)
    {
        using Call call = Enter();
        call.Given(active);
        call.Equal(r, λ, dy, dλ.Tensor);
        call.Fits(IsRowOf(active, r), "r, λ, dy and dλ (I, H, W, C), active (1, H, W, C)", r, λ, active, dy);
        _verbs.InformationBackward(r, λ, active, dy, dλ);
    }

    /// <inheritdoc/>
    public bool Turns(Shape λ, int taps) => _verbs.Turns(λ, taps);

    /// <inheritdoc/>
    public void Turn(MaskTurn turn)
    {
        ArgumentNullException.ThrowIfNull(turn);
        using Call call = Enter().OfActivations();
        (Tensor x, Tensor z, Noise noise) = (turn.X, turn.Z, turn.Noise);
        (Tensor mean, Tensor std, Tensor active) = turn.Statistics;
        (Tensor α, Tensor m, Tensor v) = turn.Parameter;
        call.Equal(x, turn.Mask, α, m, v);
        call.Equal(mean, std, active);
        call.Equal(z, turn.Dz);
        call.Given(turn.Taps, turn.Information, noise.Images, noise.Step);
        call.Perhaps(noise.Recorded);
        bool fits = IsRowOf(mean, x) && AreRepeated(x, z) && IsNoise(noise, x.Shape.N, z) && noise.Recorded is null && IsBlur(x, turn.Taps, turn.Mask)
            && Turns(x.Shape, turn.Taps.Shape.Count) && turn.Information.Shape.Count == x.Shape.N;
        call.Fits(fits, "x, λ and α (I, H, W, C), mean, std and active (1, H, W, C), z (I x copies, H, W, C), and taps that Turns accepts",
            x, mean, z, turn.Taps, turn.Information, noise.Images, noise.Step);
        call.Alike(z, turn.Dz);
        call.Floats(x, turn.Mask, mean, std, active, α, m, v, turn.Taps, turn.Information, noise.Images, noise.Step);
        _verbs.Turn(turn);
    }

    /// <inheritdoc/>
    public void AddNoise(Tensor x, Noise noise, float scale, Tensor y)
    {
        using Call call = Enter();
        call.Given(x, y, noise.Images, noise.Step);
        call.Perhaps(noise.Recorded);
        call.Fits(
            AreRepeated(x, y) && IsNoise(noise, noise.Images.Shape.Count, y),
            "x (I, H, W, C) or (I x copies, H, W, C), y (I x copies, H, W, C), images (I) and a step (1)",
            x, noise.Images, noise.Step, noise.Recorded, y);
        _verbs.AddNoise(x, noise, scale, y);
    }

    /// <inheritdoc/>
    public void Adam(Tensor p, Tensor dp, Tensor m, Tensor v, Tensor step, AdamSettings settings)
    {
        using Call call = Enter();
        call.Given(step);
        call.Equal(p, dp, m, v);
        _verbs.Adam(p, dp, m, v, step, settings);
    }

    /// <inheritdoc/>
    public void SgdMomentum(Tensor p, Tensor dp, Tensor velocity, SgdSettings settings)
    {
        using Call call = Enter();
        call.Equal(p, dp, velocity);
        _verbs.SgdMomentum(p, dp, velocity, settings);
    }

    /// <inheritdoc/>
    public void Append(Tensor x, Tensor step, Tensor history)
    {
        using Call call = Enter();
        call.Given(x, step, history);
        call.Fits(history.Shape.Count % x.Shape.Count == 0, "an x of the size of each row of history", x, history);
        _verbs.Append(x, step, history);
    }

    /// <inheritdoc/>
    public void Advance(Tensor step)
    {
        using Call call = Enter();
        call.Given(step);
        _verbs.Advance(step);
    }

    private static bool GateFits(Accumulator dx) => dx.Gate is null || dx.Gate.Shape.Count == dx.Tensor.Shape.Count;

    private static bool IsLinear(Tensor x, Tensor w, Tensor y) =>
        x.Shape.Rank > 0 && w.Shape.Rank == 2 && y.Shape.Rank > 0 && x.Shape.N == y.Shape.N && x.Shape.Row == w.Shape.C && y.Shape.Row == w.Shape.N;

    private static bool AreImages(Tensor x, Tensor y) =>
        x.Shape.Rank == 4 && y.Shape.Rank == 4 && x.Shape.N == y.Shape.N && x.Shape.C == y.Shape.C;

    /// <summary>Whether y has one pixel per kernel position, for the same number of images.</summary>
    private static bool IsWindowed(Tensor x, ConvGeometry geometry, Tensor y) =>
        x.Shape.Rank == 4 && y.Shape.Rank == 4 && x.Shape.N == y.Shape.N
        && y.Shape.H == geometry.Output(x.Shape.H) && y.Shape.W == geometry.Output(x.Shape.W);

    private static bool IsConvolution(Tensor x, Tensor w, ConvGeometry geometry, Tensor y) =>
        IsWindowed(x, geometry, y) && w.Shape.Rank == 4 && w.Shape.H == geometry.Kernel && w.Shape.W == geometry.Kernel
        && HasChannels(x, w.Shape.C) && w.Shape.N == y.Shape.C;

    /// <summary>Whether an image has the weights' channels, or, in another type than float32, those and zeros up to 8.</summary>
    private static bool HasChannels(Tensor x, int channels) =>
        x.Shape.C == channels || (x.Element != Element.Float32 && x.Shape.C == ConvGeometry.Padded(channels));

    /// <summary>With padding of more than half the kernel, some windows would contain padding only.</summary>
    private static bool IsPooling(Tensor x, ConvGeometry geometry, Tensor y) =>
        IsWindowed(x, geometry, y) && x.Shape.C == y.Shape.C && 2 * geometry.Padding <= geometry.Kernel;

    private static bool Lie(ReadOnlySpan<InlayPlace> places, Shape whole, Shape windows)
    {
        foreach (InlayPlace place in places)
        {
            if (!place.Rows.Lies(whole.H, windows.H) || !place.Columns.Lies(whole.W, windows.W))
                return false;
        }
        return true;
    }

    /// <summary>The border is mirrored once, so half the taps must fit into the image.</summary>
    private static bool IsBlur(Tensor x, Tensor taps, Tensor y) =>
        AreImages(x, y) && x.Shape == y.Shape && taps.Shape.Count % 2 == 1 && taps.Shape.Count / 2 < Math.Min(x.Shape.H, x.Shape.W);

    private static bool AreRows(Tensor logits, Tensor targets, Tensor y) =>
        logits.Shape.Rank == 2 && targets.Shape.Count == logits.Shape.N && y.Shape.Count == logits.Shape.N;

    private static bool IsRowOf(Tensor row, Tensor batch) => batch.Shape.Rank > 0 && row.Shape.Count == batch.Shape.Row;

    private static bool AreRepeated(Tensor x, Tensor y) =>
        x.Shape.Rank > 0 && y.Shape.Rank > 0 && y.Shape.N % x.Shape.N == 0 && y.Shape.Row == x.Shape.Row;

    /// <summary>Whether the noise has an index for each image, and y the same number of copies of each.</summary>
    private static bool IsNoise(Noise noise, int images, Tensor y) =>
        noise.Images.Shape.Count == images && y.Shape.Rank > 0 && y.Shape.N % images == 0
        && (noise.Recorded is null || noise.Recorded.Shape.Count == y.Shape.Count);
}
