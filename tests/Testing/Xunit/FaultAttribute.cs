using System.Globalization;
using System.Runtime.CompilerServices;
using DatasetCache.Testing.Faults;
using Xunit.v3;

namespace DatasetCache.Testing.Xunit;

// Compiled into each test project: what the benches share too needs no xunit.

/// <summary>The test of a case of the fault table: its number is in its name, and <c>-trait Fault=7</c> finds it.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class FaultAttribute : FactAttribute, ITraitAttribute
{
    private readonly int number;

    public FaultAttribute(int number, [CallerMemberName] string test = "", [CallerFilePath] string? sourceFilePath = null, [CallerLineNumber] int sourceLineNumber = -1)
        : base(sourceFilePath, sourceLineNumber) => (this.number, DisplayName) = (number, Shown(number, test));

    public IReadOnlyCollection<KeyValuePair<string, string>> GetTraits() => TraitsOf(number);

    internal static string Shown(int number, string test) => string.Create(CultureInfo.InvariantCulture, $"{number:00} {FaultNames.Of(number)}: {test.Replace('_', ' ')}");

    internal static IReadOnlyCollection<KeyValuePair<string, string>> TraitsOf(int number) => [new("Fault", number.ToString(CultureInfo.InvariantCulture))];
}

/// <summary>The same for a theory.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class FaultTheoryAttribute : TheoryAttribute, ITraitAttribute
{
    private readonly int number;

    public FaultTheoryAttribute(int number, [CallerMemberName] string test = "", [CallerFilePath] string? sourceFilePath = null, [CallerLineNumber] int sourceLineNumber = -1)
        : base(sourceFilePath, sourceLineNumber) => (this.number, DisplayName) = (number, FaultAttribute.Shown(number, test));

    public IReadOnlyCollection<KeyValuePair<string, string>> GetTraits() => FaultAttribute.TraitsOf(number);
}
