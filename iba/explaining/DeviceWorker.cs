using Iba.Bottleneck;
using Iba.Engine.Backends;
using Iba.Images;
using Iba.Methods;

namespace Iba.Explaining;

/// <summary>The methods on one device, and the work of a batch. It owns the device.</summary>
/// <param name="described">The classifier that results describe, that of the first device.</param>
/// <param name="inputsOf">What methods are made from, with the network on this device.</param>
/// <param name="readout">The readout on this device; null without one.</param>
/// <param name="keepsMasks">Whether results carry their masks.</param>
internal sealed class DeviceWorker(Classifier described, MethodInputs inputsOf, ReadoutNetwork? readout, bool keepsMasks) : IDisposable
{
    /// <summary>Methods whose recordings are kept: each takes memory on the device.</summary>
    private const int MostMethods = 4;

    private readonly List<Made> _methods = [];

    public IBackend Backend => inputsOf.Network.Backend;

    /// <summary>Explains or restricts the photos of a batch, called from one thread at a time.</summary>
    public IEnumerable<(object? Result, Exception? Failure)> Work(Key key, IReadOnlyList<Job> jobs, CancellationToken cancellation)
    {
        (_, MethodKind kind, MethodInputs inputs, IAttributionMethod method, ResultFacts facts) = Get(key, jobs[0].Variant);
        for (int next = 0; next < jobs.Count;)
        {
            if (jobs[next].Mask is { } mask)
            {
                Job job = jobs[next++];
                cancellation.ThrowIfCancellationRequested();
                using RestrictedNetwork restricted = method is IBottleneck bottleneck ? bottleneck.Restricted(job.Copies)
                    : throw new ArgumentException($"{method.Name} is no bottleneck: give per-sample or readout.", nameof(key));
                yield return (restricted.Run(job.Sample, mask), null);
                continue;
            }
            Job[] some = [.. jobs.Skip(next).TakeWhile(job => job.Mask is null)];
            using IEnumerator<Outcome> outcomes = method.Explain([.. some.Select(job => job.Sample)], null, cancellation).GetEnumerator();
            while (Next(outcomes))
            {
                Outcome outcome = outcomes.Current;
                ReadPhoto photo = some[outcome.Sample].Photo;
                yield return outcome.Explanation is { } explanation
                    ? (new PhotoExplanation(
                        explanation, photo.Input, described, kind, inputs, photo.Name, facts.Of(photo.Name, photo.Sha256, explanation)), null)
                    : (null, outcome.Failure);
            }
            next += some.Length;
        }
    }

    /// <summary>The next result. Where memory does not suffice, the other methods' recordings are freed: the queue then tries the photos again.</summary>
    private bool Next(IEnumerator<Outcome> outcomes)
    {
        try
        {
            return outcomes.MoveNext();
        }
        catch (DeviceMemoryException)
        {
            Forget(1);
            throw;
        }
    }

    /// <summary>A method, created on first use. The least recently used one makes room for it.</summary>
    private Made Get(Key key, MethodVariant variant)
    {
        Made made = _methods.Find(each => each.Key == key) ?? Make(key, variant);
        _methods.Remove(made);
        _methods.Insert(0, made);
        Forget(MostMethods);
        return made;
    }

    private Made Make(Key key, MethodVariant variant)
    {
        MethodInputs inputs = variant.Apply(inputsOf with { Loss = key.Loss });
        if (variant.Kind.Needs == MethodNeeds.Readout && readout is not null)
            inputs = inputs with { Statistics = readout.Statistics.First, Bottleneck = readout.Settings.Bottleneck };
        IAttributionMethod method = variant.Kind.Create(inputs);
        if (method is IBottleneck bottleneck)
            bottleneck.KeepsMask = keepsMasks;
        return new Made(key, variant.Kind, inputs, method, new ResultFacts(described, inputs, variant.Kind));
    }

    /// <summary>Frees all but the most recently used methods.</summary>
    private void Forget(int most)
    {
        for (; _methods.Count > most; _methods.RemoveAt(_methods.Count - 1))
            _methods[^1].Method.Dispose();
    }

    /// <summary>Frees the methods, then the device.</summary>
    public void Dispose()
    {
        try
        {
            Forget(0);
            readout?.Dispose();
        }
        finally
        {
            Backend.Dispose();
        }
    }

    /// <summary>What photos of one batch share.</summary>
    /// <param name="Method">The method with its settings.</param>
    /// <param name="Loss">The loss that it explains.</param>
    public readonly record struct Key(string Method, LogitLoss Loss);

    /// <summary>A photo that is ready for the network.</summary>
    public sealed record ReadPhoto(NetworkInput Input, string Name, string Sha256);

    /// <summary>A photo in the queue.</summary>
    /// <param name="Variant">The method.</param>
    /// <param name="Photo">The prepared photo.</param>
    /// <param name="Sample">The same in the form that methods take.</param>
    /// <param name="Mask">λ, where the photo is to be restricted; null where it is to be explained.</param>
    /// <param name="Copies">Noise samples of a restricted photo.</param>
    public sealed record Job(MethodVariant Variant, ReadPhoto Photo, Sample Sample, float[]? Mask, int Copies);

    /// <summary>A method, and what it was created from.</summary>
    private sealed record Made(Key Key, MethodKind Kind, MethodInputs Inputs, IAttributionMethod Method, ResultFacts Facts);
}
