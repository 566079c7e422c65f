using System.CommandLine;
using System.CommandLine.Parsing;
using Iba.Bottleneck;
using Iba.Datasets;

namespace Iba.Cli;

/// <summary>Options that several commands have, so that each has one name, one range and one description.</summary>
internal static class CommonOptions
{
    /// <summary>The option that names a part of the photos.</summary>
    public const string ShardName = "--shard";

    /// <summary><c>--images</c>: a folder of photos, required.</summary>
    /// <param name="more">What the command does with their sub-folders.</param>
    public static Option<string[]> Images(string more = "") => new("--images")
    {
        Description = NamedPhotos.Folder + more,
        Required = true,
        Arity = ArgumentArity.OneOrMore,
        HelpName = "DIR",
    };

    /// <summary><c>--out</c>: a file to write, required.</summary>
    /// <param name="description">What is written.</param>
    /// <param name="validator">Checks the file before the work; by default that it can be written.</param>
    public static Option<string> Output(string description, Action<OptionResult>? validator = null) => new("--out")
    {
        Description = description,
        Required = true,
        HelpName = "FILE",
        Validators = { validator ?? Validators.FileToWrite() },
    };

    /// <summary>A file that another command made.</summary>
    /// <param name="name">The option.</param>
    /// <param name="description">What the file is.</param>
    /// <param name="command">The command that makes it.</param>
    public static Option<string?> Made(string name, string description, string command) => new(name)
    {
        Description = description,
        HelpName = "FILE",
        Validators = { Validators.FileToRead($"make one with: {command} --images DIR --out FILE") },
    };

    /// <summary><c>--samples</c>: an upper bound of the images that something is estimated from.</summary>
    public static Option<int> Samples(int usual, string description = "Upper bound of the images to use.") => new("--samples")
    {
        Description = description,
        DefaultValueFactory = _ => usual,
        CustomParser = Number.AtLeast(2).Parse,
    };

    /// <summary><c>--beta</c> of a bottleneck.</summary>
    /// <param name="method">The only method that uses it, worded to follow the description; empty if the command has no other.</param>
    public static Option<float> Beta(string method = "") => new("--beta")
    {
        Description = $"Weight of the mean information per neuron relative to the cross-entropy{method}; 10 is the paper's 10/k.",
        DefaultValueFactory = _ => new BottleneckSettings().Beta,
        CustomParser = Number.Between(0f, BottleneckSettings.MostBeta).Parse,
    };

    /// <summary><c>--sigma</c> of a bottleneck.</summary>
    public static Option<double> Sigma() => new("--sigma")
    {
        Description = "Smoothing of the mask, in cells of the layer; 0 for none.",
        DefaultValueFactory = _ => new BottleneckSettings().Sigma,
        CustomParser = Number.Between(0.0, BottleneckSettings.MostSigma).Parse,
    };

    /// <summary><c>--seed</c>.</summary>
    /// <param name="description">What it decides.</param>
    public static Option<ulong> Seed(string description) => new("--seed") { Description = description, CustomParser = Number.AtLeast(0ul).Parse };

    /// <summary><c>--shard</c>: a part of the photos. Everything if it is not given.</summary>
    public static Option<Shard> Shard(string description) => new(ShardName)
    {
        Description = description,
        HelpName = "I/N",
        CustomParser = argument =>
        {
            try
            {
                return Datasets.Shard.Parse(argument.Tokens is [var token] ? token.Value : "", Environment.GetEnvironmentVariable);
            }
            catch (FormatException mistake)
            {
                argument.AddError($"{ShardName} {string.Join(' ', argument.Tokens)}: {mistake.Message}");
                return Datasets.Shard.Whole;
            }
        },
    };

    /// <summary>Says that a job engine offers a part where <c>--shard</c> was not given.</summary>
    public static void TellUnusedShard(ParseResult parsed, Option<Shard> shard)
    {
        if (parsed.GetResult(shard) is null or { Implicit: true } && Datasets.Shard.Offered(Environment.GetEnvironmentVariable) is { } variable)
            Terminal.Say($"{variable} is set, but without --shard auto this process takes every photo.");
    }

    /// <summary><c>--json</c> of a command that reports photo by photo.</summary>
    public static Option<bool> Json() => new("--json") { Description = "One line of JSON per image on stdout." };
}
